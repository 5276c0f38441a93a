import Glibc
import LinuxSystem
import Processes

extension BPFListing {
    /// What is attached now. This only reads: it takes no lock of BPFSession and repairs nothing. If
    /// a selection is being replaced, it reads the old or the new one.
    ///
    /// - Throws: `Failure` for users other than root, and if the pinned maps cannot be read.
    package static func seen() throws(Failure) -> BPFListing {
        let nothing = BPFListing(cgroups: [], missedRuns: nil)
        guard try BPFPins.exist() else { return nothing }
        let libbpf = try LibBPF(debug: false)
        let hierarchy = try CgroupHierarchy()
        do throws(Errno) {
            if let program = try BPFProgram.pinned(in: BPFPins.current, libbpf: libbpf) {
                return BPFListing(
                    cgroups: try program.cgroups(in: hierarchy).sorted { $0.path < $1.path },
                    missedRuns: program.missedRuns)
            }
        } catch {
            // Taken away meanwhile, by another command.
            if error.rawValue == ENOENT { return nothing }
            throw BPFRefusal.state(error)
        }
        throw BPFRefusal.otherLayout
    }
}

extension BPFProgram {
    /// The selected cgroups with what became of their sockets.
    func cgroups(in hierarchy: borrowing CgroupHierarchy) throws(Errno) -> [AttachedCgroup] {
        var result: [AttachedCgroup] = []
        let remedies = try BPFRemedies.pinned(in: BPFPins.current, libbpf: libbpf)
        for (id, selected) in try self.selected() {
            let origin = try origin(of: id)
            let count = memory.counters(selected.place).pointee
            let keeps = selected.keepsTCP
            let now = hierarchy.location(of: id)
            result.append(
                AttachedCgroup(
                    id: id, path: now.path ?? origin.path, owner: origin.owner,
                    isGone: now == .gone, hasRules: origin.hasRules, keepsTCP: keeps,
                    since: origin.since, upgraded: keeps ? 0 : count.upgraded,
                    kept: keeps ? count.upgraded : 0, mptcpOff: count.mptcp_off,
                    noMPTCPv6: count.no_mptcpv6, notTCP: count.not_tcp,
                    remedied: try remedies?.count(in: id)))
        }
        return result
    }
}
