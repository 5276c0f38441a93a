import Glibc
import Launch
import LinuxSystem

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
        _ unit: UnitName, of manager: ServiceManager
    ) throws(Failure) -> [UnitName] {
        let units =
            unit.isTemplate
            ? try manager.instances(of: unit) : [try manager.properties(of: unit)]
        return units.filter(\.isActive).compactMap { UnitName($0["Id"]) }
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
    /// stays down: starts so far are not counted (StartLimitBurst=, systemd.unit(5)). systemd
    /// knows none of a unit that it has unloaded (CollectMode=), and says so by an error.
    private func restart(_ unit: UnitName) throws(Failure) {
        try? manager.act("reset-failed", unit)
        try manager.act("restart", unit)
    }

    /// Whether the service's main program has the library, or its cgroup is attached.
    func isReached() throws(Failure) -> Bool {
        let properties = try manager.properties(of: unit)
        guard !unit.isSocket else { return false }
        if mode == .bpf { return try isAttached(properties) }
        return processes(properties).contains { $0.reach != .none }
    }

    private func isAttached(_ properties: UnitProperties) throws(Failure) -> Bool {
        let cgroup = properties["ControlGroup"]
        if cgroup.isEmpty { return false }
        return try BPFPlan.attached().contains { $0.hasSuffix(cgroup) }
    }

    /// The main process; all of them where systemd knows of no main one (services that have
    /// a script in /etc/init.d, and Type=oneshot).
    private func processes(_ properties: UnitProperties) -> [RunningProcess] {
        guard let main = Int32(properties["MainPID"]), main > 0 else {
            return RunningProcess.all(inCgroupOfUnit: properties["ControlGroup"])
        }
        return RunningProcess(pid: main).map { [$0] } ?? []
    }

    /// The service's main program must have got the library: the loader reports a
    /// failure to nobody but the journal, and goes on without it.
    ///
    /// - Throws: `Failure` when the unit does not run, or was not reached.
    func verify() throws(Failure) {
        let start = ContinuousClock.now
        while true {
            let properties = try manager.properties(of: unit)
            if properties["ActiveState"] == "failed" || properties["SubState"] == "auto-restart"
                || !["", "0"].contains(properties["NRestarts"])
            {
                throw Failure(
                    .failed, unit.description, "does not run with the drop-in",
                    remedy: "`journalctl \(manager.option)-u \(unit.typed)` tells more")
            }
            if mode == .bpf, properties["ActiveState"] == "active", try !isAttached(properties) {
                throw Failure(
                    .failed, unit.description, "its cgroup was not attached",
                    remedy: "`journalctl -u \(unit.typed)` tells why")
            }
            guard mode == .preload, !unit.isSocket else { return }
            let main = Int32(properties["MainPID"]) ?? 0
            let processes = processes(properties)
            // Of a main process that has ended since, systemd knows more.
            if processes.isEmpty, main == 0 { return }
            let waited = ContinuousClock.now - start
            let isSettled = !processes.isEmpty && processes.allSatisfy(\.isSettled)
            if isSettled, processes.contains(where: { $0.reach != .none }) { return }
            // One that waits without the library may be a wrapper's, about to start another;
            // one that is still on its way may be kept waiting by a busy machine.
            guard waited < (isSettled ? .seconds(2) : .seconds(60)) else {
                guard let process = processes.first(where: { $0.reach == .none }) else { return }
                throw Failure(
                    .failed, unit.description,
                    "its process \(process.pid) (\(process.program)) did not load the preload "
                        + "library",
                    remedy: "`journalctl \(manager.option)-u \(unit.typed)` may hold the "
                        + "loader's reason")
            }
            usleep(20_000)
        }
    }
}
