import BPFProgs
import Glibc
import LinuxSystem
import Processes

/// Which cgroups are selected, and what is counted for them.
extension BPFProgram {
    /// The selected cgroups, by their ids.
    func selected() throws(Errno) -> BPFSelectionMap.Selection {
        try selection.read(mptcpize_bpf_index(memory.state.pointee.chosen))
    }

    /// Replaces the selection as a whole.
    ///
    /// All is prepared in the one that is not in force; the last store alone changes
    /// anything for anyone. A socket() that is going on in that moment is decided by the
    /// old or the new one.
    func choose(_ wanted: BPFSelectionMap.Selection) throws(Errno) {
        try selection.write(1 - mptcpize_bpf_index(memory.state.pointee.chosen), wanted)
        memory.chooseOther()
    }

    /// Makes what a cgroup that is to be selected needs.
    ///
    /// - Parameters:
    ///   - taken: slots of counters that are others'.
    ///   - since: seconds since 1970.
    func register(
        _ cgroup: Cgroup, owner: BPFOwner, taken: Set<UInt32>, since: UInt64
    ) throws(Errno) -> mptcpize_bpf_entry {
        let slots = MPTCPIZE_BPF_NO_SLOT + 1..<MPTCPIZE_BPF_SLOTS
        guard let slot = slots.first(where: { !taken.contains($0) }) else {
            throw Errno(rawValue: E2BIG)
        }
        memory.counters(slot).pointee = mptcpize_bpf_counters()
        var value = mptcpize_bpf_cgroup()
        value.since = since
        value.owner = owner.rawValue
        let path = Array(cgroup.path.utf8)
        withUnsafeMutableBytes(of: &value.path) { $0.copyBytes(from: path.prefix($0.count - 1)) }
        try cgroups.write(cgroup.id, value)
        return mptcpize_bpf_entry(
            id: cgroup.id, slot: slot, depth: cgroup.depth ?? MPTCPIZE_BPF_DEPTHS)
    }

    /// Drops what is kept of cgroups that are not selected.
    func prune() throws(Errno) {
        let selected = try selected()
        for id in try cgroups.keys(0) where selected[id] == nil { try cgroups.remove(id) }
    }

    /// When a selected cgroup was attached, its path then, and by whom.
    func origin(of id: UInt64) throws(Errno) -> (since: UInt64, path: String, owner: BPFOwner) {
        var value = mptcpize_bpf_cgroup()
        _ = try cgroups.read(id, into: &value)
        let path = withUnsafeBytes(of: value.path) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        return (value.since, path, BPFOwner(rawValue: value.owner) ?? .user)
    }
}

/// Who attached a cgroup, and so decides when it is forgotten.
package enum BPFOwner: UInt64, Sendable {
    /// Whoever typed it, or a service that is enabled: listed until it is detached.
    case user
    /// A container runtime's hook: forgotten once the cgroup is gone.
    case container
    /// A slice that is enabled, and attached again when systemd makes it anew: likewise.
    case slice
}
