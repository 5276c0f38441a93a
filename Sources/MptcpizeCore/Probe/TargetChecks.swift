import Glibc

/// How mptcpize reaches one program or unit, and why.
public struct TargetChecks: Sendable {
    private let locator: LibraryLocator
    private let searchPath: Bytes?

    /// - Parameter searchPath: PATH, where programs without a slash are looked for.
    public init(locator: LibraryLocator, searchPath: Bytes?) {
        self.locator = locator
        self.searchPath = searchPath
    }

    /// Looks at a program (a path, or a name found in PATH), or else at a unit.
    ///
    /// - Throws: `Failure` where it is neither.
    public func findings(for target: Bytes) throws(Failure) -> [Finding] {
        let text = target.text
        let isPath = target.contains(UInt8(ascii: "/"))
        if !isPath, UnitName(text) != nil { return try unit(text) }
        do throws(Unrunnable) {
            let program = try ProgramSearch.find(target, path: searchPath) {
                (place) throws(Unrunnable) in
                try ProgramFile(place, searchPath: searchPath, on: HostSystem())
            }
            return self.program(text, program)
        } catch {
            let failure = error.failure(for: target)
            guard !isPath else { throw Failure(.failed, failure.object, failure.reason) }
            // "nginx" may be nginx.service, whose program is not in this user's PATH.
            if let findings = try? unit(text) { return findings }
            throw Failure(
                .failed, text, "no program of this name is in PATH, and no unit is loaded",
                remedy: "give a path, or a name that `systemctl list-unit-files` lists")
        }
    }

    // MARK: - Programs

    private func program(_ name: String, _ program: ProgramFile) -> [Finding] {
        let reach = Reach(to: program) { locator.library(for: $0) != nil }
        return [way(name, program, reach)] + native(name, program)
    }

    private func way(_ name: String, _ program: ProgramFile, _ reach: Reach) -> Finding {
        let path = program.path.text
        let file = path == name ? "" : "\(path): "
        switch reach {
        case .preload:
            return Finding(
                .ok, name, "\(file)dynamically linked, the preload library reaches it",
                next: "mptcpize run \(name)")
        case .go(let version):
            return Finding(
                .ok, name, "\(file)built by \(version.text), reached by GODEBUG=multipathtcp=1",
                next: "mptcpize run \(name)")
        case .unknown:
            return Finding(
                .note, name,
                "\(file)may be executed and not read, so what reaches it is not known",
                next: "try as root")
        case .never(let obstacle):
            return Finding(.problem, name, "\(file)\(obstacle.reason)", next: obstacle.remedy)
        }
    }

    private func native(_ name: String, _ program: ProgramFile) -> [Finding] {
        NativeOption.of(program).map {
            [Finding(.note, name, "has MPTCP of its own: \($0.usage)")]
        } ?? []
    }

    // MARK: - Units

    private func unit(_ typed: String) throws(Failure) -> [Finding] {
        let manager = try ServiceManager(.system)
        let loaded = try LoadedUnit(UnitArgument(typed), of: manager)
        let name = loaded.name.description
        var findings = [enabling(loaded, manager)]
        for path in loaded.properties.programs {
            guard
                let program = try? ProgramFile(
                    Bytes(path.utf8), searchPath: nil, on: HostSystem())
            else { continue }
            findings += native(name, program)
        }
        let status = try UnitStatus(loaded.name, of: manager, locator: locator)
        findings += running(status)
        return findings
    }

    private func enabling(_ unit: LoadedUnit, _ manager: ServiceManager) -> Finding {
        let name = unit.name.description
        let planner = UnitPlanner(manager, locator: locator)
        do throws(Failure) {
            _ = try planner.dropIn(for: unit, mode: .preload)
        } catch {
            guard geteuid() == 0, (try? planner.dropIn(for: unit, mode: .bpf)) != nil,
                (try? BPFSession.open().probe()) != nil
            else { return Finding(.problem, error) }
            return Finding(
                .note, name, "\(error.reason); the BPF mode reaches it",
                next: "mptcpize enable --mode bpf --now \(name)")
        }
        return Finding(
            .ok, name,
            unit.name.isSocket
                ? "systemd can open its listeners as MPTCP"
                : "the preload library reaches \(unit.properties.programs.joined(separator: ", "))",
            next: "mptcpize enable --now \(name)")
    }

    private func running(_ status: UnitStatus) -> [Finding] {
        let name = status.unit.description
        guard let freshness = status.freshness else { return [] }
        var findings: [Finding] = []
        switch freshness {
        case .current: findings.append(Finding(.ok, name, "enabled by \(status.dropIns[0])"))
        case .stale:
            findings.append(
                Finding(
                    .note, name, "enabled by a drop-in that no longer fits the unit",
                    next: "mptcpize enable --now \(name)"))
        case .refused(let reason):
            findings.append(
                Finding(.problem, name, "enabled, and \(reason)", next: "mptcpize disable \(name)"))
        }
        if status.needsRestart {
            findings.append(
                Finding(
                    .problem, name, "runs since before it was enabled: its sockets stay TCP",
                    next: "systemctl restart \(name)"))
        }
        return findings
    }
}
