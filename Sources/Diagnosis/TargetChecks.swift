import BPFMode
import Glibc
import Launch
import LinuxSystem
import Processes
import ServiceStatus
import SystemdUnits

/// How mptcpize reaches one program or unit, and why.
package struct TargetChecks: Sendable {
    private let locator: LibraryLocator
    private let searchPath: Bytes?

    /// - Parameter searchPath: PATH, where programs without a slash are looked for.
    package init(locator: LibraryLocator, searchPath: Bytes?) {
        self.locator = locator
        self.searchPath = searchPath
    }

    /// Looks at a program (a path, or a name found in PATH), or else at a unit.
    ///
    /// - Throws: `Failure` where it is neither.
    package func findings(for target: Bytes) throws(Failure) -> [Finding] {
        let text = target.text
        let isPath = target.contains(UInt8(ascii: "/"))
        if !isPath, UnitName(text) != nil { return try unit(text) }
        do throws(Unrunnable) {
            let (place, program) = try ProgramSearch.find(target, path: searchPath) {
                (place) throws(Unrunnable) in
                (place, try ProgramFile(place, searchPath: searchPath, on: HostSystem()))
            }
            return self.program(text, program, isScript: program.path != place)
                + RememberedChecks.findings(program: place)
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

    private func program(
        _ name: String, _ program: ProgramFile, isScript: Bool
    ) -> [Finding] {
        let reach =
            ContainerStarter(
                program: name, arguments: nil, isScript: isScript,
                isRoot: geteuid() == 0
            ).map { .never(.container($0)) }
            ?? Reach(to: program) { locator.library(for: $0) != nil }
        return [way(name, program, reach)] + native(name, program) + edges(name, program)
            + notes(name, program, isUnit: false)
    }

    private func notes(_ name: String, _ program: ProgramFile, isUnit: Bool) -> [Finding] {
        ProgramNote.of(name, program, isUnit: isUnit).map {
            [Finding(.note, name, $0.text, next: $0.next)]
        } ?? []
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
                "\(file)can be executed but not read, so it is not known what reaches it",
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

    /// What only the preload library mends.
    private func edges(_ name: String, _ program: ProgramFile) -> [Finding] {
        guard program.countsOnEdges, let reason = LostEdges.reason(for: program.path) else {
            return []
        }
        return [Finding(.note, name, "not for the BPF mode: \(reason)")]
    }

    // MARK: - Units

    private func unit(_ typed: String) throws(Failure) -> [Finding] {
        let manager = try ServiceManager(.system)
        let loaded = try LoadedUnit(UnitArgument(typed), of: manager)
        let name = loaded.name.description
        var findings = [enabling(loaded, manager)]
        let programs = ServiceProgram(loaded.name, loaded.properties).programs
        for path in programs {
            guard
                let program = try? ProgramFile(
                    Bytes(path.utf8), searchPath: nil, on: HostSystem())
            else { continue }
            findings += native(name, program) + edges(name, program)
            findings += notes(name, program, isUnit: true)
        }
        if let daemon = loaded.containerDaemon {
            findings.append(Finding(.note, name, daemon.reason, next: daemon.command))
        }
        findings += RememberedChecks.findings(unitPrograms: programs)
        let status = try UnitStatus(loaded.name, of: manager, locator: locator)
        findings +=
            status.freshness == nil
            ? try expected(loaded, manager) : running(status, loaded, manager)
        findings += namespace(name, loaded.properties, status)
        return findings
    }

    /// Whether MPTCP is on where the unit's sockets are: it is a setting of each network
    /// namespace.
    private func namespace(
        _ name: String, _ properties: UnitProperties, _ status: UnitStatus
    ) -> [Finding] {
        let file = properties["NetworkNamespacePath"]
        let pid = status.processes.first?.process.pid
        // Of one that does not run, only a namespace with a name of its own is known.
        let label =
            pid.map { "\($0)" }
            ?? (file.hasPrefix("/run/netns/") ? String(file.dropFirst("/run/netns/".count)) : nil)
        guard geteuid() == 0, let current = try? NetworkNamespace.current() else { return [] }
        guard let label, let other = try? NetworkNamespace.named(label), !other.isSame(as: current)
        else {
            if properties.isTrue("PrivateNetwork") || !file.isEmpty { return [] }
            return mptcp(name, "", Sysctl.value("net.mptcp.enabled"), "")
        }
        let value = try? other.enter { () throws(Failure) in Sysctl.value("net.mptcp.enabled") }
        let command =
            pid == nil ? "ip netns exec \(label)" : "nsenter --net --target \(label)"
        return mptcp(name, " in its own network namespace", value ?? nil, command + " ")
    }

    private func mptcp(
        _ name: String, _ place: String, _ value: String?, _ command: String
    ) -> [Finding] {
        guard let value, value != "1" else { return [] }
        return [
            Finding(
                .problem, name, "net.mptcp.enabled is \(value)\(place): its sockets stay TCP",
                next: "\(command)sysctl -w net.mptcp.enabled=1")
        ]
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
        // Before, only the program's file is known.
        let isSeen = unit.isActive || !unit.name.isService
        return Finding(
            .ok, name,
            reach(unit) + (isSeen ? "" : "; only a start shows whether its children are reached"),
            next: "mptcpize enable --now \(name)")
    }

    /// Without the marks around it, where a remedy is a command and nothing more.
    private func command(_ remedy: String) -> String {
        let inner = remedy.dropFirst().dropLast()
        return remedy.hasPrefix("`") && remedy.hasSuffix("`") && !inner.contains("`")
            ? String(inner) : remedy
    }

    /// What keeps processes that run now from being reached once the unit is enabled.
    private func expected(_ unit: LoadedUnit, _ manager: ServiceManager) throws(Failure)
        -> [Finding]
    {
        guard unit.isActive, unit.name.isService else { return [] }
        let verdict = try UnitObservation(
            unit: unit.name, manager: manager, locator: locator, mode: .preload
        ).verdict(of: [unit.properties], .future)
        return verdict.groups.map { group in
            Finding(
                group.ports.isEmpty ? .note : .problem, unit.name.description,
                group.line(told: .will), next: command(group.cause.remedy(unit.name, of: manager)))
        }
    }

    /// What makes the unit's sockets MPTCP, and in which programs.
    private func reach(_ unit: LoadedUnit) -> String {
        if unit.name.isSocket { return "systemd can open its listeners as MPTCP" }
        let programs = ServiceProgram(unit.name, unit.properties).reaches(with: locator)
        if programs.isEmpty {
            return "the preload library reaches it, unless its program is static"
        }
        return programs.map {
            if case .go(let version) = $0.reach {
                return "GODEBUG=multipathtcp=1 reaches \($0.path), built by \(version.text)"
            }
            return "the preload library reaches \($0.path)"
        }.joined(separator: ", ")
    }

    private func running(
        _ status: UnitStatus, _ unit: LoadedUnit, _ manager: ServiceManager
    ) -> [Finding] {
        let name = status.unit.description
        guard let freshness = status.freshness else { return [] }
        var findings: [Finding] = []
        switch freshness {
        case .current:
            let claim =
                !unit.isActive
                ? "it does not run"
                : status.verdict.isWhole ? "it uses MPTCP" : status.verdict.headline
            findings.append(Finding(.ok, name, "enabled by \(status.dropIns[0]); \(claim)"))
        case .stale:
            findings.append(
                Finding(
                    .note, name, "enabled by a drop-in that no longer fits the unit",
                    next: "mptcpize enable --now \(name)"))
        case .unknown(let file):
            findings.append(
                Finding(
                    .note, name, "enabled by \(status.dropIns[0]); only root can read \(file)",
                    next: "try as root"))
        case .refused(let reason):
            findings.append(
                Finding(.problem, name, "enabled, and \(reason)", next: "mptcpize disable \(name)"))
        }
        if unit.name.isSocket, status.needsRestart {
            findings.append(
                Finding(
                    .problem, name, "has listened over TCP since before it was enabled",
                    next: "mptcpize enable --now \(name)"))
        }
        findings += status.verdict.groups.map { group in
            Finding(
                group.ports.isEmpty && status.verdict.isSuccess ? .note : .problem, name,
                group.line(told: .was), next: command(group.cause.remedy(unit.name, of: manager)))
        }
        findings += status.verdict.demoted.map { process, listener in
            Finding(
                listener.reason.isMeant ? .note : .problem, name,
                "port \(listener.port) of \(process.title) is TCP: \(listener.reason.inWords)",
                next: command(listener.reason.remedy(unit.name)))
        }
        return findings
    }
}
