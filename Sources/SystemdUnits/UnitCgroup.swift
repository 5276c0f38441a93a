import Glibc
import LinuxSystem
import Processes

/// The cgroups of units.
extension ServiceManager {
    /// The cgroup of a running unit, as a path from the root of the hierarchy.
    ///
    /// - Throws: `Failure` for a unit that has none, with the reason and what has one.
    package func cgroup(of unit: UnitName) throws(Failure) -> String {
        let name = unit.description
        if unit.isTemplate {
            throw Failure(
                .failed, name, "is a template, which runs nothing itself",
                remedy: "name an instance, or `mptcpize enable --mode bpf \(unit.typed)` for all")
        }
        let properties = try properties(of: unit)
        let path = properties["ControlGroup"]
        // systemd keeps the path of units without processes, and makes no cgroup for them.
        if path.hasPrefix("/"), access(try CgroupHierarchy().directory(ofPath: path), F_OK) == 0 {
            return path
        }
        throw Self.noCgroup(unit, properties)
    }

    private static func noCgroup(_ unit: UnitName, _ properties: UnitProperties) -> Failure {
        let name = unit.description
        switch properties["LoadState"] {
        case "not-found":
            return Failure(
                .failed, name, "there is no such unit",
                remedy: unit.suffix == "scope"
                    ? "`systemctl list-units --type=scope` lists those that run"
                    : "`systemctl list-unit-files` lists all units")
        case "masked":
            return Failure(
                .failed, name, "is masked, so it cannot be started",
                remedy: "`systemctl unmask \(unit.typed)`")
        case "loaded": break
        default:
            return Failure(
                .failed, name, "systemd cannot load it",
                remedy: "`systemctl status \(unit.typed)` shows why")
        }
        let started = properties.words("Triggers").first.flatMap { UnitName($0) }
        let behind =
            started.map { "`mptcpize enable --mode bpf \($0.typed)` covers what it starts" } ?? ""
        switch unit.suffix {
        case "timer", "path", "automount":
            return Failure(
                .failed, name, "has no cgroup: \(article(unit.suffix)) runs nothing itself",
                remedy: behind)
        case "socket":
            return Failure(
                .failed, name, "has no cgroup: systemd itself opens its sockets",
                remedy: "`mptcpize enable \(unit.typed)` makes them MPTCP")
        case "target":
            return Failure(
                .failed, name, "has no cgroup: a target only groups units",
                remedy: "name one: `systemctl list-dependencies \(unit.typed)` lists them")
        case "device", "mount", "swap":
            return Failure(
                .failed, name, "has no cgroup: no process runs for \(article(unit.suffix))")
        case "slice":
            return Failure(
                .failed, name, "has no cgroup: nothing runs in it yet",
                remedy:
                    "`mptcpize enable --mode bpf \(unit.typed)` attaches it as soon as it is made")
        default:
            return Failure(
                .failed, name,
                "has no cgroup: "
                    + (properties.isActive ? "no process of it runs" : "it does not run"),
                remedy: "`systemctl start \(unit.typed)` first, or "
                    + "`mptcpize enable --mode bpf \(unit.typed)`")
        }
    }

    private static func article(_ kind: Substring) -> String {
        (kind.first.map { "aeiou".contains($0) } ?? false ? "an " : "a ") + kind
    }

    /// Until when a unit's cgroup, attached by hand, stays attached, and what is for good; nil
    /// where that is what it is already.
    package func lifetime(of unit: UnitName) throws(Failure) -> String? {
        let enabled = [unit, unit.template].compactMap { $0 }.contains { name in
            [configuration, runtime].contains { (try? DropInStore($0).installed(name)) != nil }
        }
        if enabled { return nil }
        let forGood = "`mptcpize enable --mode bpf \(unit.typed)` attaches it for good"
        switch unit.suffix {
        case "slice":
            let isPerpetual = try properties(of: unit).isTrue("Perpetual")
            return "until \(isPerpetual ? "" : "it stops or ")the machine restarts; \(forGood)"
        case "service":
            let isTransient = try properties(of: unit).isTrue("Transient")
            return "until it stops or restarts" + (isTransient ? "" : "; \(forGood)")
        default: return "until it stops"
        }
    }
}
