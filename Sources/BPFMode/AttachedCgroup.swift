import Processes

/// A selected cgroup, with what became of the sockets in its subtree since.
package struct AttachedCgroup: Sendable {
    package let id: UInt64
    /// Where it is, or was when it was attached.
    package let path: String
    /// Who attached it.
    let owner: BPFOwner
    /// Whether the cgroup has been removed meanwhile.
    package let isGone: Bool
    /// Whether nftables holds rules for it.
    let hasRules: Bool
    /// Whether everything stays TCP there.
    package let keepsTCP: Bool
    /// When it was attached: seconds since 1970.
    package let since: UInt64
    /// Sockets that asked for TCP and were made MPTCP.
    package let upgraded: UInt64
    /// Sockets that asked for MPTCP and were made TCP, where everything stays TCP.
    package let kept: UInt64
    /// Sockets left TCP: net.mptcp.enabled was 0 in their network namespace.
    package let mptcpOff: UInt64
    /// Sockets left TCP: AF_INET6 on a kernel without MPTCPv6.
    package let noMPTCPv6: UInt64
    /// Internet sockets that did not ask for TCP.
    package let notTCP: UInt64
    /// Calls that set an option, and were ignored or adjusted; nil where none are.
    package let remedied: UInt64?

    /// How often each rule that nftables holds for it was met.
    package var ruleCounts: [RuleCount] { hasRules ? CgroupRules.counts(of: id, path) : [] }

    package var unit: String? { Cgroup.unit(ofDirectory: path) }
}
