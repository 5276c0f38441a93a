import Glibc

/// Restarts a unit so that its new settings count, and sees whether they do.
struct Restart {
    private let unit: UnitName
    private let manager: ServiceManager
    private let mode: ServiceMode

    /// - Parameter mode: how the unit's sockets are to become MPTCP.
    init(_ unit: UnitName, of manager: ServiceManager, mode: ServiceMode) {
        self.unit = unit
        self.manager = manager
        self.mode = mode
    }

    /// The units to restart for an enabled one: itself when it runs, or the running
    /// instances of a template.
    static func running(
        _ unit: LoadedUnit, of manager: ServiceManager
    ) throws(Failure) -> [UnitName] {
        guard unit.name.isTemplate else { return unit.isActive ? [unit.name] : [] }
        return try manager.instances(of: unit.name)
            .filter { ["active", "reloading", "activating"].contains($0["ActiveState"]) }
            .compactMap { UnitName($0["Id"]) }
    }

    /// - Returns: what has been started anew: the unit, and a socket's service with it.
    @discardableResult
    func perform() throws(Failure) -> [UnitName] {
        guard unit.isSocket else {
            try restart(unit)
            return [unit]
        }
        // A socket whose service runs cannot be started; the service holds the old listener.
        var stopped: [UnitName] = []
        for name in try manager.properties(of: unit).words("Triggers") {
            guard let service = UnitName(name), service.isService,
                try manager.properties(of: service)["ActiveState"] == "active"
            else { continue }
            try manager.act("stop", service)
            stopped.append(service)
        }
        do throws(Failure) {
            try restart(unit)
        } catch {
            for service in stopped { try? restart(service) }
            throw error
        }
        for service in stopped { try restart(service) }
        return [unit] + stopped
    }

    /// Whoever enables, tries and disables within ten seconds has not earned a service that
    /// stays down: starts so far are not counted (StartLimitBurst=, systemd.unit(5)).
    private func restart(_ unit: UnitName) throws(Failure) {
        try manager.act("reset-failed", unit)
        try manager.act("restart", unit)
    }

    /// Whether the service's main program has the library, or its cgroup is attached.
    func isReached() throws(Failure) -> Bool {
        let properties = try manager.properties(of: unit)
        guard !unit.isSocket else { return false }
        if mode == .bpf { return try isAttached(properties) }
        guard let main = Int32(properties["MainPID"]), main > 0 else { return false }
        return UnitProcess(pid: main).reach != .none
    }

    private func isAttached(_ properties: UnitProperties) throws(Failure) -> Bool {
        let cgroup = properties["ControlGroup"]
        if cgroup.isEmpty { return false }
        return try BPFPlan.attached().contains { $0.hasSuffix(cgroup) }
    }

    /// The service's main program must have got the library: the loader reports a
    /// failure to nobody but the journal, and goes on without it.
    ///
    /// - Throws: `Failure` when the unit does not run, or was not reached.
    func verify() throws(Failure) {
        // A program behind a wrapper may still be on its way to exec.
        let patience = ContinuousClock.now + .seconds(2)
        while true {
            let properties = try manager.properties(of: unit)
            if properties["ActiveState"] == "failed" || properties["SubState"] == "auto-restart" {
                throw Failure(
                    .failed, unit.description, "does not run with the drop-in",
                    remedy: "`journalctl \(manager.option)-u \(unit)` tells more")
            }
            if mode == .bpf, properties["ActiveState"] == "active", try !isAttached(properties) {
                throw Failure(
                    .failed, unit.description, "its cgroup was not attached",
                    remedy: "`journalctl -u \(unit)` tells why")
            }
            guard mode == .preload, !unit.isSocket, let main = Int32(properties["MainPID"]),
                main > 0
            else { return }
            let process = UnitProcess(pid: main)
            // Of one that has ended since, systemd knows more.
            let isGone = access("/proc/\(main)", F_OK) != 0
            if process.reach != .none, !isGone { return }
            guard ContinuousClock.now < patience else {
                throw Failure(
                    .failed, unit.description,
                    "its process \(main) (\(process.program)) did not load the preload library",
                    remedy: "`journalctl \(manager.option)-u \(unit)` may hold the loader's reason")
            }
            usleep(20_000)
        }
    }
}
