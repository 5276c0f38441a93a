/// A selected cgroup, with what became of the sockets in its subtree since.
public struct AttachedCgroup: Sendable {
    public let id: UInt64
    /// Where it is, or was when it was attached.
    public let path: String
    /// Whether the cgroup has been removed meanwhile.
    public let isGone: Bool
    /// When it was attached: seconds since 1970.
    public let since: UInt64
    /// Sockets that asked for TCP and were made MPTCP.
    public let upgraded: UInt64
    /// Sockets left TCP: net.mptcp.enabled was 0 in their network namespace.
    public let mptcpOff: UInt64
    /// Sockets left TCP: AF_INET6 on a kernel without MPTCPv6.
    public let noMPTCPv6: UInt64
    /// Internet sockets that did not ask for TCP.
    public let notTCP: UInt64
    /// Calls that set an option, and were ignored or adjusted; nil where none are.
    public let remedied: UInt64?

    public var unit: String? { Cgroup.unit(ofPath: path) }
}
