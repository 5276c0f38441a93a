import ConnectionPolicy
import Glibc
import LinuxSystem
import Processes
import SocketPolicy

/// Rules that keep sockets TCP, as the BPF mode applies them to a cgroup.
///
/// If everything stays TCP, the program at socket() does it. Otherwise nftables removes MPTCP's
/// option from packets, in every network namespace of the cgroup's processes.
package struct CgroupRules: Sendable {
    /// The rules that hold whatever program it is.
    private let policy: Policy
    /// Rules for certain programs, which neither packets nor the program at socket() tell.
    package let leftOut: [PolicyRule]
    /// Whether everything stays TCP.
    package let keepsTCP: Bool

    /// - Parameter program: the file name of the image that runs in the cgroup, where there is one:
    ///   rules for it are for the whole cgroup then, and those for others for none of it.
    package init(_ policy: Policy, program: Bytes? = nil) throws(Failure) {
        var own: [PolicyRule] = []
        var others: [PolicyRule] = []
        for rule in policy.rules {
            guard let glob = rule.program else {
                own.append(rule)
                continue
            }
            guard let program else {
                others.append(rule)
                continue
            }
            if mptcpize_glob_matches(glob.cString, program.cString) {
                own.append(rule.forEveryProgram)
            }
        }
        self.policy = try Policy(own, status: .failed)
        leftOut = others.filter { $0.action == .tcp }
        keepsTCP = !own.isEmpty && PolicyTable(self.policy.text, program: nil).forAll.isTCP
    }

    /// Whether packets have to be looked at.
    package var needsPackets: Bool { policy.canSayTCP && !keepsTCP }

    /// The canonical text of those that packets are held to; nil where there are none.
    package var packetText: String? { needsPackets ? policy.text : nil }

    /// Sees whether they can be applied, before anything is changed.
    package func probe() throws(Failure) {
        if needsPackets { try KernelPolicy.check(NFTRuleset(policy, scope: .host)) }
    }

    /// Has nftables hold them, unless it does so already: counters go on then.
    func hold(_ cgroup: Cgroup, in hierarchy: borrowing CgroupHierarchy) throws(Failure) {
        let scope = try NFTRuleset.Scope(cgroup, in: hierarchy, by: .bpf)
        let ruleset = NFTRuleset(policy, scope: scope)
        try Self.everywhere(cgroup.path) { () throws(Failure) in
            if try KernelPolicy.tablesOfBPF().contains(scope.table),
                try Set(KernelPolicy.counts(in: scope.table).keys) == ruleset.comments
            {
                return
            }
            try KernelPolicy.apply(ruleset)
        }
    }

    /// Has nftables let a cgroup's rules go.
    ///
    /// - Parameter path: where the cgroup is, or was.
    static func release(_ id: UInt64, _ path: String) throws(Failure) {
        let table = NFTRuleset.Scope.Owner.bpf.table(of: id)
        try everywhere(path) { () throws(Failure) in _ = try KernelPolicy.remove(table) }
    }

    /// The same of all cgroups, as far as this network namespace tells; without nft there are none.
    static func releaseAll() throws(Failure) {
        guard try KernelPolicy.isInstalled() else { return }
        for table in (try? KernelPolicy.tablesOfBPF()) ?? [] {
            _ = try KernelPolicy.remove(table)
        }
    }

    /// How many first packets met each rule of a cgroup, in the rules' order.
    static func counts(of id: UInt64, _ path: String) -> [RuleCount] {
        let table = NFTRuleset.Scope.Owner.bpf.table(of: id)
        var sums: [String: UInt64] = [:]
        try? everywhere(path) { () throws(Failure) in
            guard let counts = try? KernelPolicy.counts(in: table) else { return }
            for (comment, count) in counts { sums[comment, default: 0] += count }
        }
        return sums.map { comment, count in
            let place = NFTRuleset.place(inComment: comment)
            return RuleCount(number: place.number, place: place.text, met: count)
        }.sorted { $0.number < $1.number }
    }

    /// Does some work in this network namespace, and in each other one of a cgroup's processes.
    private static func everywhere(
        _ path: String, _ work: () throws(Failure) -> Void
    ) throws(Failure) {
        try work()
        let own = try NetworkNamespace.current()
        for namespace in try NetworkNamespace.of(processes(in: path)).namespaces
        where !namespace.isSame(as: own) {
            try namespace.enter(work)
        }
    }

    /// The processes in a cgroup and below it.
    private static func processes(in path: String) -> Set<Int32> {
        let own = (try? lines(ofFile: "\(path)/cgroup.procs")) ?? []
        var result = Set(own.compactMap { Int32($0) })
        for name in directoryEntries(path) {
            let child = "\(path)/\(name)"
            if access("\(child)/cgroup.procs", F_OK) == 0 { result.formUnion(processes(in: child)) }
        }
        return result
    }
}

/// How many first packets met a rule.
package struct RuleCount: Sendable, Equatable {
    /// The rule's, from 0.
    package let number: Int
    /// Where it is written.
    package let place: String
    package let met: UInt64
}
