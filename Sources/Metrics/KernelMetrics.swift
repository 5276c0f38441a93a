import CLinux
import Diagnosis
import LinuxSystem
import Netlink
import SocketInspection

/// What the kernel shows about MPTCP in this network namespace.
enum KernelMetrics {
    /// - Parameter counters: as they were before anything here asked for MPTCP.
    static func families(_ counters: MPTCPCounters) -> [MetricFamily] {
        var families = [Self.fallbacks(counters), Self.all(counters)]
        var established = MetricFamily(
            "mptcpize_established_connections",
            help:
                "MPTCP sockets that are connected, by the kernel's own count: those that fell back "
                + "too.")
        if let entry = counters.all.first(where: { $0.name == Self.present }) {
            established.add(entry.value)
        }
        var enabled = MetricFamily(
            "mptcpize_mptcp_enabled", help: "Whether net.mptcp.enabled is 1.")
        if let value = Sysctl.value("net.mptcp.enabled") { enabled.add(value == "1") }
        var blackhole = MetricFamily(
            "mptcpize_blackhole_active",
            help: "Whether the kernel has turned outgoing MPTCP off, because SYNs with its option "
                + "were dropped on the way.")
        if let isActive = Blackhole.isActive(counters) { blackhole.add(isActive) }
        families += [established, enabled, blackhole]
        return families
    }

    /// The one number of row MPTcpExt that falls too.
    private static let present = "MPCurrEstab"

    private static func all(_ counters: MPTCPCounters) -> MetricFamily {
        var family = MetricFamily(
            "mptcpize_mptcpext_total", .counter,
            help: "The kernel's MPTCP counters (row MPTcpExt of /proc/net/netstat), by its names.")
        for (name, value) in counters.all where name != present {
            family.add(value, ("counter", name))
        }
        return family
    }

    private static func fallbacks(_ counters: MPTCPCounters) -> MetricFamily {
        var family = MetricFamily(
            "mptcpize_fallbacks_total", .counter,
            help: "Connections that asked for MPTCP and continued as plain TCP, by cause.")
        for (cause, count) in counters.fallbacks { family.add(count, ("cause", cause)) }
        return family
    }

    /// The path manager's endpoints and limits.
    static func paths() throws(Errno) -> [MetricFamily] {
        let management = try PathManagement(over: NetlinkSocket(NETLINK_GENERIC))
        var endpoints = MetricFamily(
            "mptcpize_endpoints", help: "Endpoints of the kernel's path manager.")
        endpoints.add(management.endpoints.count)
        var flags = MetricFamily(
            "mptcpize_endpoints_by_flag", help: "Endpoints with a flag, by its name in ip-mptcp(8)."
        )
        for (bit, name) in MPTCPEndpoint.Flags.names.enumerated() {
            let flag = MPTCPEndpoint.Flags(rawValue: 1 << UInt32(bit))
            flags.add(
                management.endpoints.count { $0.flags.contains(flag) }, ("flag", name))
        }
        var subflows = MetricFamily(
            "mptcpize_limit_subflows", help: "Additional subflows that a connection may have.")
        subflows.add(management.limits.subflows)
        var accepted = MetricFamily(
            "mptcpize_limit_accepted_addresses",
            help: "Addresses of a peer that a connection may use.")
        accepted.add(management.limits.acceptedAddresses)
        return [endpoints, flags, subflows, accepted]
    }
}
