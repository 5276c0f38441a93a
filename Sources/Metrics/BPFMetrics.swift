import BPFMode
import LinuxSystem

/// The kernel's counters of attached cgroups.
enum BPFMetrics {
    private struct Sums {
        var upgraded: UInt64
        var mptcpOff: UInt64
        var noMPTCPv6: UInt64
        var remedied: UInt64

        init(_ cgroup: AttachedCgroup) {
            upgraded = cgroup.upgraded
            mptcpOff = cgroup.mptcpOff
            noMPTCPv6 = cgroup.noMPTCPv6
            remedied = cgroup.remedied ?? 0
        }

        mutating func add(_ other: Sums) {
            upgraded &+= other.upgraded
            mptcpOff &+= other.mptcpOff
            noMPTCPv6 &+= other.noMPTCPv6
            remedied &+= other.remedied
        }
    }

    static func families(_ listing: BPFListing) -> [MetricFamily] {
        var number = MetricFamily(
            "mptcpize_bpf_cgroups", help: "Cgroups whose new sockets the kernel makes MPTCP.")
        number.add(listing.cgroups.count { !$0.isGone })
        var upgraded = MetricFamily(
            "mptcpize_bpf_upgraded_total", .counter,
            help: "Sockets of an attached cgroup that asked for TCP and were made MPTCP.")
        var leftTCP = MetricFamily(
            "mptcpize_bpf_left_tcp_total", .counter,
            help: "Sockets of an attached cgroup that stayed TCP, by reason.")
        var remedied = MetricFamily(
            "mptcpize_bpf_remedied_total", .counter,
            help: "Calls that set a socket option, and were ignored or adjusted.")
        var missed = MetricFamily(
            "mptcpize_bpf_missed_runs_total", .counter,
            help: "Sockets for which the kernel skipped the program, because it was busy with it.")
        if let count = listing.missedRuns { missed.add(count) }
        // The oldest first, which keep their places as others come: counters may not fall. Of
        // several at one path, all but one are gone.
        let oldestFirst = listing.cgroups.sorted { ($0.since, $0.path) < ($1.since, $1.path) }
        var order: [String] = []
        var sums: [String: Sums] = [:]
        for cgroup in oldestFirst {
            if sums[cgroup.path] == nil {
                order.append(cgroup.path)
                sums[cgroup.path] = Sums(cgroup)
            } else {
                sums[cgroup.path]?.add(Sums(cgroup))
            }
        }
        let entries = order.map { (key: $0, value: sums[$0]!) }
        for (path, sum) in LabelBound.folded(
            entries, rest: LabelBound.other, add: { $0.add($1) })
        {
            upgraded.add(sum.upgraded, ("cgroup", path))
            leftTCP.add(sum.mptcpOff, ("cgroup", path), ("reason", "mptcp_off"))
            leftTCP.add(sum.noMPTCPv6, ("cgroup", path), ("reason", "no_mptcpv6"))
            remedied.add(sum.remedied, ("cgroup", path))
        }
        return [number, upgraded, leftTCP, remedied, missed]
    }
}
