import LinuxSystem
import Processes

/// Cgroups that are forgotten without a detach.
extension BPFSession {
    /// Forgets a container that has ended, though its cgroup may not be gone yet: engines name
    /// cgroups after the container's identifier.
    func dropContainer(_ id: String) throws(Failure) {
        guard let program = try current() else { return }
        let ended = try allEntries(program).filter { entry in
            entry.owner == .container
                && entry.path.split(separator: "/").contains { $0.contains(id) }
                && !TransientCgroup.isPopulated(entry.path)
        }
        if !ended.isEmpty { try deselect(Set(ended.map(\.id)), program) }
    }

    /// Deselects the transient cgroups that nobody is in any more, and containers that are gone.
    func dropEnded(_ program: borrowing BPFProgram) throws(Errno) {
        var selected = try program.selected()
        let number = selected.count
        for id in Array(selected.keys) {
            let location = hierarchy.location(of: id)
            guard location != .unknown else { continue }
            let origin = try program.origin(of: id)
            let hasEnded =
                location == .gone && origin.owner != .user
                || TransientCgroup.removeIfEnded(location.path ?? origin.path)
            if hasEnded { selected[id] = nil }
        }
        if selected.count < number { try program.choose(selected) }
    }
}
