import Glibc

/// `mptcpize disable`: takes away what `enable` wrote, and nothing else.
public struct Disabling: Sendable {
    /// What became of one unit.
    public struct Step: Sendable {
        public let unit: UnitName
        /// The drop-ins that were removed; none where it was not enabled.
        public let removed: [String]
        /// What runs on with the library until it is restarted.
        public let running: [UnitName]
    }

    private let manager: ServiceManager

    public init(_ manager: ServiceManager) { self.manager = manager }

    /// - Parameter restarts: restart what runs.
    public func carryOut(_ arguments: [String], restarts: Bool) throws(Failure) -> [Step] {
        var units: [UnitName] = []
        for argument in arguments {
            let typed = try UnitArgument(argument).name
            // A unit that is gone may have left its drop-in: its name as typed will do.
            let own = UnitName(try manager.properties(of: typed)["Id"]) ?? typed
            units.append(typed.isTemplate ? own.template ?? typed : own)
        }
        var steps: [Step] = []
        var mountPoints: [String] = []
        var attached: [UnitName] = []
        for unit in units {
            var removed: [String] = []
            for directory in [manager.configuration, manager.runtime] {
                guard let found = try DropInStore(directory).remove(unit) else { continue }
                removed.append(found.path)
                mountPoints += found.mountPoints
                if found.mode == .bpf { attached.append(unit) }
            }
            steps.append(Step(unit: unit, removed: removed, running: []))
        }
        guard steps.contains(where: { !$0.removed.isEmpty }) else { return steps }
        for unit in attached { try detach(unit) }
        try manager.reload()
        steps = try steps.map { step throws(Failure) in
            guard !step.removed.isEmpty else { return step }
            let running = try running(step.unit)
            if restarts {
                for unit in running { try Restart(unit, of: manager, mode: .preload).perform() }
            }
            return Step(unit: step.unit, removed: step.removed, running: running)
        }
        // Empty ones only. A service that still runs keeps the library it has loaded.
        for path in mountPoints.reversed() { rmdir(path) }
        return steps
    }

    /// The kernel leaves what still runs alone; the drop-in that would have said so is gone.
    private func detach(_ unit: UnitName) throws(Failure) {
        let properties =
            unit.isTemplate
            ? try manager.instances(of: unit) : [try manager.properties(of: unit)]
        let cgroups = properties.map { $0["ControlGroup"] }.filter { !$0.isEmpty }
        let session = try BPFSession.open()
        let paths = try session.list().cgroups.map(\.path)
            .filter { path in cgroups.contains { path.hasSuffix($0) } }
        if !paths.isEmpty { try session.detach(paths) }
    }

    private func running(_ unit: UnitName) throws(Failure) -> [UnitName] {
        let properties =
            unit.isTemplate
            ? try manager.instances(of: unit) : [try manager.properties(of: unit)]
        return properties.filter { $0["ActiveState"] == "active" }
            .compactMap { UnitName($0["Id"]) }
    }
}
