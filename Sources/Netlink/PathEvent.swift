import Glibc
import SocketEvents
import SocketValues

/// One event of an MPTCP connection, from the kernel (MPTCP_EVENT_* of
/// linux/mptcp_pm.h; multicast group mptcp_pm_events, Linux 5.12).
package struct PathEvent: Equatable, Sendable {
    package enum Kind: UInt8, Sendable {
        /// The peer has said that it speaks MPTCP.
        case created = 1
        /// Both sides are sure of each other.
        case established = 2
        case closed = 3
        /// The peer announced an address, or took that back.
        case announced = 6
        case removed = 7
        case subflowEstablished = 10
        case subflowClosed = 11
    }

    package let kind: Kind
    /// The connection's on this host.
    package var token: UInt32 = 0
    package var local: SocketAddress?
    package var remote: SocketAddress?
    /// RFC 8684 address identifiers.
    package var localID: UInt8 = 0
    package var remoteID: UInt8 = 0
    package var isBackup = false
    /// Whether the peer connected to this host; nil where the kernel does not say: for clients from
    /// Linux 6.18 on, and for all before 5.17.
    package var isServer: Bool?
    /// The errno for which a subflow ended; nil for none.
    package var error: Int32?

    /// MPTCP_ATTR_*.
    private enum Attribute: UInt16 {
        case token = 1
        case family, localID, remoteID, source4, source6, destination4, destination6
        case sourcePort, destinationPort, backup, error, flags, timeout, interface
        case resetReason, resetFlags, serverSide
    }

    /// MPTCP_PM_EV_FLAG_SERVER_SIDE, Linux 6.18; an attribute of its own before.
    private static let serverFlag: UInt16 = 1 << 1

    /// Nil for an event of another kind, or one that is not whole.
    init?(_ message: NetlinkMessage) {
        guard let kind = message.payload.load(UInt8.self, at: 0).flatMap(Kind.init(rawValue:))
        else { return nil }
        self.kind = kind
        var source = mptcpize_address()
        var destination = mptcpize_address()
        for (type, value) in GenericNetlinkFamily.attributes(of: message) {
            switch Attribute(rawValue: type) {
            case .token: token = value.load(at: 0) ?? 0
            case .localID: localID = value.load(at: 0) ?? 0
            case .remoteID: remoteID = value.load(at: 0) ?? 0
            case .source4: source.set(AF_INET, value)
            case .source6: source.set(AF_INET6, value)
            case .destination4: destination.set(AF_INET, value)
            case .destination6: destination.set(AF_INET6, value)
            case .sourcePort: source.port = value.loadBigEndian(at: 0) ?? 0
            case .destinationPort: destination.port = value.loadBigEndian(at: 0) ?? 0
            case .backup: isBackup = value.load(UInt8.self, at: 0) == 1
            case .error: error = value.load(UInt8.self, at: 0).map(Int32.init)
            case .flags: isServer = (value.load(UInt16.self, at: 0) ?? 0) & Self.serverFlag != 0
            // Without a value it is a flag.
            case .serverSide: isServer = value.load(UInt8.self, at: 0) != 0
            case .family, .timeout, .interface, .resetReason, .resetFlags, nil: break
            }
        }
        local = SocketAddress(source)
        remote = SocketAddress(destination)
    }
}

extension mptcpize_address {
    /// The family is said by nothing but the attribute.
    fileprivate mutating func set(_ family: Int32, _ value: ByteView) {
        self.family = UInt8(family)
        setBytes(value)
    }
}
