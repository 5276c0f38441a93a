import Glibc
import Launch
import LinuxSystem
import SystemdUnits

/// One process of a unit, with its sockets.
package struct UnitProcess: Sendable, Equatable {
    package let process: RunningProcess
    /// Nil where they cannot be told.
    package let sockets: UnitSockets?
}

/// What `mptcpize status` says of one unit: how it is configured, and what its
/// processes and their sockets really are.
package struct UnitStatus: Sendable {
    /// How the drop-in on the disk compares with what `enable` would write today.
    package enum Freshness: Sendable, Equatable {
        case current
        /// The environment, the sandbox or the library has changed since.
        case stale
        /// `enable` would refuse the unit now: why.
        case refused(String)
        /// Only root may read what decides it: which file.
        case unknown(String)
    }

    package let unit: UnitName
    /// The drop-ins of mptcpize's, the one that counts first; none: not enabled.
    package let dropIns: [String]
    /// Nil where it is not enabled.
    package let freshness: Freshness?
    /// Files have changed that systemd has not read again.
    package let needsReload: Bool
    /// ActiveState of systemd; "not-found" and "masked" where it cannot be started.
    package let state: String
    package let processes: [UnitProcess]
    /// What a socket unit listens with; nil for other units.
    package let listeners: UnitSockets?

    /// - Throws: `Failure` where systemd or the drop-in cannot be read.
    package init(
        _ unit: UnitName, of manager: ServiceManager, locator: LibraryLocator
    ) throws(Failure) {
        self.unit = unit
        var installed = try Self.installed(unit, by: manager)
        // A template's drop-in is its instances'.
        if installed.isEmpty, let template = unit.template {
            installed = try Self.installed(template, by: manager)
        }
        dropIns = installed.map(\.path)
        let properties = try manager.properties(of: unit)
        needsReload = properties.isTrue("NeedDaemonReload")
        let load = properties["LoadState"]
        let units = unit.isTemplate ? try manager.instances(of: unit) : [properties]
        let isActive = units.contains { $0["ActiveState"] == "active" }
        state =
            load == "loaded"
            ? (unit.isTemplate ? (isActive ? "active" : "inactive") : properties["ActiveState"])
            : load
        processes = Self.processes(of: units, mode: installed.first?.mode ?? .preload)
        listeners =
            unit.isSocket && isActive ? UnitSockets.of(listeners: properties.listeners) : nil
        guard let first = installed.first else {
            freshness = nil
            return
        }
        do {
            let loaded = try LoadedUnit(UnitArgument(unit.description), of: manager)
            let wanted = try UnitPlanner(manager, locator: locator).dropIn(
                for: loaded, mode: first.mode)
            freshness = first.isUpToDate(wanted) ? .current : .stale
        } catch {
            let isPrivate = access(error.object, F_OK) == 0 && access(error.object, R_OK) != 0
            freshness = isPrivate ? .unknown(error.object) : .refused(error.reason)
        }
    }

    private static func installed(
        _ unit: UnitName, by manager: ServiceManager
    ) throws(Failure) -> [DropIn.Installed] {
        var result: [DropIn.Installed] = []
        for directory in [manager.configuration, manager.runtime] {
            if let found = try DropInStore(directory).installed(unit) { result.append(found) }
        }
        return result
    }

    private static func processes(
        of units: [UnitProperties], mode: ServiceMode
    ) -> [UnitProcess] {
        let attached = mode == .bpf ? (try? BPFPlan.attached()) ?? [] : []
        var found: [RunningProcess] = []
        for cgroup in units.map({ $0["ControlGroup"] }) where !cgroup.isEmpty {
            var processes = RunningProcess.all(inCgroupOfUnit: cgroup)
            if attached.contains(where: { $0.hasSuffix(cgroup) }) {
                for index in processes.indices { processes[index].reach = .bpf }
            }
            found += processes
        }
        let sockets = UnitSockets.of(found.map(\.pid))
        return found.compactMap { process in
            let sockets = sockets[process.pid]
            if sockets == nil, RunningProcess.hasEnded(process.pid) { return nil }
            return UnitProcess(process: process, sockets: sockets)
        }
    }

    /// The units that were asked for, or all that are enabled.
    package static func units(
        _ arguments: [String], of manager: ServiceManager
    ) throws(Failure) -> [UnitName] {
        var units: [UnitName] = []
        for argument in arguments {
            let typed = try UnitArgument(argument).name
            let properties = try manager.properties(of: typed)
            let own = UnitName(properties["Id"]) ?? typed
            units.append(typed.isTemplate ? own.template ?? typed : own)
        }
        guard arguments.isEmpty else { return units }
        let all =
            DropInStore(manager.configuration).units() + DropInStore(manager.runtime).units()
        return Set(all).sorted { $0.description < $1.description }
    }

    /// Whether a process of it has to be restarted to be reached.
    package var needsRestart: Bool {
        guard freshness != nil else { return false }
        return unit.isSocket
            ? listeners.map { $0.listeningTCP > 0 } ?? false
            : processes.contains { $0.process.reach == .none }
    }
}
