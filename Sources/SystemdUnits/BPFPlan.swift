import BPFMode
import Glibc
import Launch
import LinuxSystem
import Processes

/// How the sockets of a service are made MPTCP.
package enum ServiceMode: String, Sendable, CaseIterable {
    /// The preload library, by LD_PRELOAD.
    case preload
    /// The kernel, for all that runs in the service's cgroup.
    case bpf
}

/// The drop-in that has the kernel make a service's sockets MPTCP: the service's cgroup
/// is attached before its main program starts, and detached when it has ended. (`SlicePlan` is
/// for slices.)
package struct BPFPlan {
    let unit: LoadedUnit
    let scope: ManagerScope

    /// - Throws: `Failure` for what has no cgroup of the system's, for a service whose programs
    ///   run elsewhere, and for an mptcpize that others than root could change: systemd is to
    ///   run it as root.
    func dropIn() throws(Failure) -> DropIn {
        guard unit.name.isService || unit.name.isSlice, scope == .system else {
            throw Failure(
                .usage, unit.name.description,
                "--mode bpf works only for system services and slices")
        }
        let path = try ServiceProgram.ownPath()
        if unit.name.isSlice {
            return try SlicePlan(
                unit: unit.name, isPerpetual: unit.properties.isTrue("Perpetual"), scope: scope
            ).dropIn(program: path)
        }
        if let failure = BPFHindrance.of(unit) { throw failure }
        // "+": as root, outside the service's sandbox. "-": where it fails, a service stays
        // TCP, and starts all the same.
        let program = "-+" + UnitWords.quote(DropIn.escaped(path))
        return DropIn(
            section: "Service",
            settings: [
                "ExecStartPre=\(program) bpf attach --unit %n",
                "ExecStopPost=\(program) bpf detach --unit %n",
            ])
    }

    /// Whether the drop-in is one of these.
    static func isMade(_ text: String) -> Bool { text.contains(" bpf attach --unit %n\n") }

    /// The directories of the cgroups that are attached.
    package static func attached() throws(Failure) -> [String] {
        try BPFSession.open().list().cgroups.filter { !$0.isGone }.map(\.path)
    }

    /// Whether a unit's cgroup is attached, or one above it.
    ///
    /// - Parameters:
    ///   - cgroup: the unit's property ControlGroup.
    ///   - directories: those of the attached cgroups.
    package static func isReached(_ cgroup: String, by directories: [String]) -> Bool {
        guard !cgroup.isEmpty, let own = try? CgroupHierarchy().directory(ofPath: cgroup) else {
            return false
        }
        return directories.contains { own == $0 || own.hasPrefix($0 + "/") }
    }
}
