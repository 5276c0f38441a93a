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
    /// When it was attached: seconds since 1970.
    package let since: UInt64
    /// Sockets that asked for TCP and were made MPTCP.
    package let upgraded: UInt64
    /// Sockets left TCP: net.mptcp.enabled was 0 in their network namespace.
    package let mptcpOff: UInt64
    /// Sockets left TCP: AF_INET6 on a kernel without MPTCPv6.
    package let noMPTCPv6: UInt64
    /// Internet sockets that did not ask for TCP.
    package let notTCP: UInt64
    /// Calls that set an option, and were ignored or adjusted; nil where none are.
    package let remedied: UInt64?

    package var unit: String? { Cgroup.unit(ofDirectory: path) }
}
