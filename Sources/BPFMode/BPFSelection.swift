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
        _ cgroup: Cgroup, owner: BPFOwner, rules: CgroupRules, taken: Set<UInt32>, since: UInt64
    ) throws(Errno) -> mptcpize_bpf_entry {
        let slots = MPTCPIZE_BPF_NO_SLOT + 1..<MPTCPIZE_BPF_SLOTS
        guard let slot = slots.first(where: { !taken.contains($0) }) else {
            throw Errno(rawValue: E2BIG)
        }
        memory.counters(slot).pointee = mptcpize_bpf_counters()
        var value = mptcpize_bpf_cgroup()
        value.since = since
        value.owner = owner.rawValue | (rules.needsPackets ? MPTCPIZE_BPF_RULES : 0)
        let path = Array(cgroup.path.utf8)
        withUnsafeMutableBytes(of: &value.path) { $0.copyBytes(from: path.prefix($0.count - 1)) }
        try cgroups.write(cgroup.id, value)
        return mptcpize_bpf_entry(
            id: cgroup.id, slot: slot | (rules.keepsTCP ? MPTCPIZE_BPF_ALL_TCP : 0),
            depth: cgroup.depth ?? MPTCPIZE_BPF_DEPTHS)
    }

    /// Notes whether nftables holds rules for a selected cgroup.
    ///
    /// - Returns: whether it did.
    func note(_ id: UInt64, hasRules: Bool) throws(Errno) -> Bool {
        var value = mptcpize_bpf_cgroup()
        _ = try cgroups.read(id, into: &value)
        let before = value.owner & MPTCPIZE_BPF_RULES != 0
        if before != hasRules {
            value.owner ^= MPTCPIZE_BPF_RULES
            try cgroups.write(id, value)
        }
        return before
    }

    /// Drops what is kept of cgroups that are not selected.
    func prune() throws(Errno) {
        let selected = try selected()
        for id in try cgroups.keys(0) where selected[id] == nil {
            let origin = try origin(of: id)
            // Of what is gone, and left by a command that was killed: nothing is matched by it.
            if origin.hasRules { try? CgroupRules.release(id, origin.path) }
            try cgroups.remove(id)
        }
    }

    /// When a selected cgroup was attached, its path then, and by whom.
    func origin(of id: UInt64) throws(Errno) -> Origin {
        var value = mptcpize_bpf_cgroup()
        _ = try cgroups.read(id, into: &value)
        let path = withUnsafeBytes(of: value.path) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        return Origin(
            since: value.since, path: path,
            owner: BPFOwner(rawValue: value.owner & ~MPTCPIZE_BPF_RULES) ?? .user,
            hasRules: value.owner & MPTCPIZE_BPF_RULES != 0)
    }

    struct Origin {
        let since: UInt64
        let path: String
        let owner: BPFOwner
        /// Whether nftables holds rules for it.
        let hasRules: Bool
    }
}

extension mptcpize_bpf_entry {
    /// Where it is counted.
    var place: UInt32 { slot & ~MPTCPIZE_BPF_ALL_TCP }

    /// Whether everything stays TCP there.
    var keepsTCP: Bool { slot & MPTCPIZE_BPF_ALL_TCP != 0 }
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
