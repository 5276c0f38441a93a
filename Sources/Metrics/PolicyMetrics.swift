import ConnectionPolicy
import Glibc
import LinuxSystem

/// How often packets met the rules in the kernel.
enum PolicyMetrics {
    /// None where no rules are applied to the host.
    static func families() throws(Failure) -> [MetricFamily] {
        guard try KernelPolicy.isInstalled() else { return [] }
        guard geteuid() == 0 else {
            throw Failure(.failed, "nft", "shows its counters only to root", remedy: "try as root")
        }
        let table = NFTRuleset.Scope.host.table
        guard try KernelPolicy.tables().contains(table) else { return [] }
        var hits = MetricFamily(
            "mptcpize_policy_hits_total", .counter,
            help: "First packets that met a rule of the policy in the kernel, by where the rule is "
                + "written.")
        var counts: [String: (number: Int, count: UInt64)] = [:]
        for (comment, count) in try KernelPolicy.counts(in: table) {
            let place = NFTRuleset.place(inComment: comment)
            let former = counts[place.text]
            counts[place.text] = (
                min(place.number, former?.number ?? .max), (former?.count ?? 0) &+ count
            )
        }
        let inOrder = counts.sorted { ($0.value.number, $0.key) < ($1.value.number, $1.key) }
            .map { (key: $0.key, value: $0.value.count) }
        for (rule, count) in LabelBound.folded(
            inOrder, rest: LabelBound.other, add: { $0 &+= $1 })
        {
            hits.add(count, ("rule", rule))
        }
        return [hits]
    }
}
