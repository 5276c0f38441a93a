import BPFProgs
import Glibc
import LinuxSystem
import Processes

/// How cgroups come to be selected.
extension BPFSession {
    /// Selects cgroups with their subtrees, all or none of them. Those that are selected
    /// already keep their counters, unless all of them is to stay TCP from now on, or no longer.
    ///
    /// - Parameter wanted: each with what stays TCP there, in the place of earlier rules.
    /// - Returns: what works less than it should: where options stay refused.
    package func attach(
        _ wanted: [(cgroup: Cgroup, rules: CgroupRules)], as owner: BPFOwner = .user
    ) throws(Failure) -> [Failure] {
        for (_, rules) in wanted { try rules.probe() }
        let program = try upToDate()
        var warnings: [Failure] = []
        var hadRules: [Cgroup] = []
        do throws(Failure) {
            let selected: BPFSelectionMap.Selection
            do throws(Errno) {
                (selected, hadRules) = try register(wanted, owner, program)
                warnings = try attachRemedies(to: selected, in: BPFPins.current)
            } catch {
                throw BPFRefusal.state(error)
            }
            // Before any socket of theirs is MPTCP.
            for (cgroup, rules) in wanted where rules.needsPackets {
                try rules.hold(cgroup, in: hierarchy)
            }
            do throws(Errno) {
                try program.choose(selected)
                try prune(program)
            } catch {
                throw BPFRefusal.state(error)
            }
        } catch {
            try mend()
            throw error
        }
        for cgroup in hadRules { try CgroupRules.release(cgroup.id, cgroup.path) }
        return warnings
    }

    /// Makes what cgroups need that are to be selected.
    ///
    /// - Returns: the selection with them, and those that nftables is to hold rules for no longer.
    private func register(
        _ wanted: [(cgroup: Cgroup, rules: CgroupRules)], _ owner: BPFOwner,
        _ program: borrowing BPFProgram
    ) throws(Errno) -> (BPFSelectionMap.Selection, hadRules: [Cgroup]) {
        var selected = try program.selected()
        var hadRules: [Cgroup] = []
        var taken = Set(selected.values.map(\.place))
        // A service that is started again has a new cgroup at its old path. Where there is
        // no room, what is gone has had its time on the list.
        let isFull = selected.count + wanted.count > Int(MPTCPIZE_BPF_CGROUPS)
        for entry in try program.cgroups(in: hierarchy)
        where entry.isGone && (isFull || wanted.contains(where: { $0.cgroup.path == entry.path })) {
            selected[entry.id] = nil
        }
        for (cgroup, rules) in wanted {
            if let entry = selected[cgroup.id] {
                let isHeld = try program.note(cgroup.id, hasRules: rules.needsPackets)
                if isHeld, !rules.needsPackets {
                    hadRules.append(cgroup)
                }
                if entry.keepsTCP == rules.keepsTCP { continue }
            }
            let entry = try program.register(
                cgroup, owner: owner, rules: rules, taken: taken, since: UInt64(time(nil)))
            taken.insert(entry.place)
            selected[cgroup.id] = entry
        }
        return (selected, hadRules)
    }
}
