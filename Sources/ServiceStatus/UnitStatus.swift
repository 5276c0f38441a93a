import ConnectionPolicy
import Glibc
import Launch
import LinuxSystem
import SocketInspection
import SystemdUnits

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
    /// How it is enabled.
    package let mode: ServiceMode
    /// Nil where it is not enabled.
    package let freshness: Freshness?
    /// Files have changed that systemd has not read again.
    package let needsReload: Bool
    /// ActiveState of systemd; "not-found" and "masked" where it cannot be started.
    package let state: String
    /// What its processes, or a socket unit's listeners, are.
    package let verdict: UnitVerdict
    /// Where its rules for what stays TCP come from.
    let policy: PolicyPlaces
    /// Where what it stands for really runs; nil where it runs that itself.
    let elsewhere: Failure?

    package var processes: [UnitProcess] { verdict.processes }
    /// Whether its rules are to keep all of it TCP.
    package var keepsTCP: Bool { policy.keepsTCP }
    /// What a socket unit listens with; nil for other units.
    package var listeners: UnitSockets? { verdict.listeners }

    /// - Throws: `Failure` where systemd or the drop-in cannot be read.
    package init(
        _ unit: UnitName, of manager: ServiceManager, locator: LibraryLocator,
        sockets: SocketSnapshot? = nil
    ) throws(Failure) {
        self.unit = unit
        var installed = try Self.installed(unit, by: manager)
        // A template's drop-in is its instances'.
        if installed.isEmpty, let template = unit.template {
            installed = try Self.installed(template, by: manager)
        }
        dropIns = installed.map(\.path)
        policy = installed.first?.policy ?? PolicyPlaces()
        let properties = try manager.properties(of: unit)
        needsReload = properties.isTrue("NeedDaemonReload")
        let load = properties["LoadState"]
        let units = unit.isTemplate ? try manager.instances(of: unit) : [properties]
        let isActive = units.contains { $0["ActiveState"] == "active" }
        state =
            load == "loaded"
            ? (unit.isTemplate ? (isActive ? "active" : "inactive") : properties["ActiveState"])
            : load
        mode = installed.first?.mode ?? .preload
        let observation = UnitObservation(
            unit: unit, manager: manager, locator: locator, mode: mode, known: sockets)
        verdict =
            unit.isSocket && !isActive
            ? UnitVerdict(unit, processes: [])
            : try observation.verdict(of: units, .past(dropIn: installed.first))
        elsewhere =
            load == "loaded"
            ? try PayloadElsewhere(unit, properties, mode: observation.mode).failure(of: manager)
            : nil
        guard let first = installed.first else {
            freshness = nil
            return
        }
        do {
            let loaded = try LoadedUnit(UnitArgument(unit.description), of: manager)
            let variables = try PreloadVariables(
                protocolAsTCP: first.protocolAsTCP, policy: first.policy, of: manager)
            var wanted = try UnitPlanner(manager, locator: locator).dropIn(
                for: loaded, mode: first.mode, variables: variables)
            wanted.policy = first.policy
            freshness = first.isUpToDate(wanted) ? .current : .stale
        } catch {
            let isPrivate = access(error.object, F_OK) == 0 && access(error.object, R_OK) != 0
            let isOfUnit = error.object == unit.description
            freshness =
                isPrivate
                ? .unknown(error.object)
                : .refused(isOfUnit ? error.reason : "\(error.object): \(error.reason)")
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

    /// Whether a restart would reach more of it.
    package var needsRestart: Bool { freshness != nil && verdict.wantsRestart }
}
