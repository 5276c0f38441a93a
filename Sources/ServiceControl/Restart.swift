import Glibc
import Launch
import LinuxSystem
import ServiceStatus
import SystemdUnits

/// Restarts a unit so that its new settings apply, and checks whether they do.
struct Restart {
    private let unit: UnitName
    private let manager: ServiceManager
    private let observation: UnitObservation

    /// - Parameter mode: how the unit's sockets are to become MPTCP.
    init(
        _ unit: UnitName, of manager: ServiceManager, locator: LibraryLocator, mode: ServiceMode
    ) {
        self.unit = unit
        self.manager = manager
        observation = UnitObservation(unit: unit, manager: manager, locator: locator, mode: mode)
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
    static func perform(_ unit: UnitName, of manager: ServiceManager) throws(Failure) -> [UnitName]
    {
        guard unit.isSocket else {
            try restart(unit, of: manager)
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
            try restart(unit, of: manager)
        } catch {
            for service in stopped { try? restart(service, of: manager) }
            throw error
        }
        for service in stopped { try restart(service, of: manager) }
        return [unit] + stopped
    }

    /// Whoever enables, tries and disables within ten seconds has not earned a service that
    /// stays down: starts so far are not counted (StartLimitBurst=, systemd.unit(5)). systemd
    /// knows none of a unit that it has unloaded (CollectMode=), and says so by an error.
    private static func restart(_ unit: UnitName, of manager: ServiceManager) throws(Failure) {
        try? manager.act("reset-failed", unit)
        try manager.act("restart", unit)
    }

    /// What the unit's processes are now.
    func look(_ dropIn: DropIn.Installed?) throws(Failure) -> UnitVerdict {
        try observation.verdict(of: [manager.properties(of: unit)], .past(dropIn: dropIn))
    }

    /// The ports below those that the kernel gives out by itself, which a restart changes.
    static func lastingPorts(_ verdict: UnitVerdict) -> Set<UInt16> {
        let range = Sysctl.value("net.ipv4.ip_local_port_range")?.split { $0 == "\t" || $0 == " " }
        let first = range?.first.flatMap { UInt16($0) } ?? 32768
        return verdict.ports.filter { $0 < first }
    }

    /// Every process that holds a listener must have got the library: the loader reports a
    /// failure to nobody but the journal, and goes on without it.
    ///
    /// - Parameters:
    ///   - ports: those that the unit listened on before; waited for.
    ///   - allowsPartial: be content with less.
    /// - Returns: what was seen in the end.
    /// - Throws: `Failure` when the unit does not run, or was not reached.
    func verify(
        _ dropIn: DropIn.Installed?, ports: Set<UInt16>, allowsPartial: Bool
    ) throws(Failure) -> UnitVerdict {
        let start = ContinuousClock.now
        var before: [Int32]?
        while true {
            let properties = try manager.properties(of: unit)
            try refuseFailed(properties)
            let verdict = try observation.verdict(of: [properties], .past(dropIn: dropIn))
            guard !unit.isSocket else {
                if !verdict.isSuccess, !allowsPartial { throw verdict.failure(of: manager) }
                return verdict
            }
            let processes = verdict.processes
            // Of a main process that has ended since, systemd knows more.
            if processes.isEmpty, ["", "0"].contains(properties["MainPID"]) { return verdict }
            if observation.mode == .bpf, !processes.isEmpty, !processes.contains(where: \.isReached)
            {
                throw Failure(
                    .failed, unit.description, "its cgroup was not attached",
                    remedy: "`journalctl -u \(unit.typed)` shows why")
            }
            let waited = ContinuousClock.now - start
            let isSettled = !processes.isEmpty && processes.allSatisfy(\.process.isSettled)
            let isComplete = isSettled && ports.isSubset(of: verdict.ports)
            // What was only just started may be about to start another program.
            let isQuiet = before == processes.map(\.pid)
            before = processes.map(\.pid)
            if isComplete, isQuiet, verdict.isSuccess { return verdict }
            // One that waits without the library may be a wrapper's, about to start another;
            // one that is still on its way may be kept waiting by a busy machine.
            let limit: Duration =
                !isSettled ? .seconds(60) : verdict.isSuccess ? .seconds(10) : .seconds(2)
            guard waited < limit else {
                if verdict.isSuccess || allowsPartial { return verdict }
                throw verdict.failure(of: manager)
            }
            usleep(before == nil ? 20_000 : 50_000)
        }
    }

    private func refuseFailed(_ properties: UnitProperties) throws(Failure) {
        if properties["ActiveState"] == "failed" || properties["SubState"] == "auto-restart"
            || !["", "0"].contains(properties["NRestarts"])
        {
            throw Failure(
                .failed, unit.description, "does not run with the drop-in",
                remedy: "`journalctl \(manager.option)-u \(unit.typed)` shows more")
        }
    }
}
