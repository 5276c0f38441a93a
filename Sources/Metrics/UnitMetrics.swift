import Launch
import LinuxSystem
import ServiceStatus
import SocketInspection
import SystemdUnits

/// The enabled units, and whether they were reached.
struct UnitMetrics {
    private let statuses: [UnitStatus]

    /// - Parameter sockets: those of this network namespace.
    init(_ locator: LibraryLocator, sockets: SocketSnapshot?) throws(Failure) {
        guard ServiceManager.isRunning else {
            statuses = []
            return
        }
        let asked = try ServiceManager(.system)
        let units = try UnitStatus.units([], of: asked)
        let manager = try asked.knowing(units)
        var statuses: [UnitStatus] = []
        for unit in units {
            statuses.append(
                try UnitStatus(unit, of: manager, locator: locator, sockets: sockets))
        }
        self.statuses = statuses
    }

    /// What is told of one unit; nil: nothing is known, or nothing is there to be reached.
    private struct Unit {
        var isActive: Bool
        var isReached: Bool?
        var isStale: Bool?

        init(_ status: UnitStatus) {
            isActive = ["active", "reloading", "activating"].contains(status.state)
            isStale =
                switch status.freshness {
                case .current: false
                case .stale, .refused: true
                case .unknown, nil: nil
                }
            let verdict = status.verdict
            let isThere = verdict.listeners != nil || !verdict.processes.isEmpty
            // A unit that is to stay TCP is enabled too.
            guard isThere, !status.keepsTCP else { return }
            isReached =
                verdict.processes.contains { $0.reach == .unknown } ? nil : verdict.isSuccess
        }

        /// The worst of several.
        mutating func add(_ other: Unit) {
            isActive = isActive || other.isActive
            if let reached = other.isReached { isReached = (isReached ?? true) && reached }
            if let stale = other.isStale { isStale = (isStale ?? false) || stale }
        }
    }

    var families: [MetricFamily] {
        var number = MetricFamily(
            "mptcpize_enabled_units", help: "Enabled systemd units, by how they were enabled.")
        for mode in ServiceMode.allCases {
            number.add(statuses.count { $0.mode == mode }, ("mode", mode.rawValue))
        }
        var active = MetricFamily(
            "mptcpize_unit_active", help: "Whether an enabled unit runs.")
        var reached = MetricFamily(
            "mptcpize_unit_reached",
            help: "Whether an enabled unit's listeners, or else all its processes, were reached; "
                + "no value if nothing runs.")
        var stale = MetricFamily(
            "mptcpize_unit_stale",
            help: "Whether a unit, its rules or the library have changed since it was enabled.")
        // Those with something to tell first.
        let units = statuses.map { (key: $0.unit.description, value: Unit($0)) }.sorted {
            ($0.value.isReached ?? true ? 1 : 0, $0.key) < (
                $1.value.isReached ?? true ? 1 : 0, $1.key
            )
        }
        for (name, unit) in LabelBound.folded(units, rest: LabelBound.other, add: { $0.add($1) }) {
            active.add(unit.isActive, ("unit", name))
            if let value = unit.isReached { reached.add(value, ("unit", name)) }
            if let value = unit.isStale { stale.add(value, ("unit", name)) }
        }
        return [number, active, reached, stale]
    }
}
