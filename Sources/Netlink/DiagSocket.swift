import CLinux
import Glibc
import SocketEvents
import SocketValues

/// One socket as NETLINK_SOCK_DIAG lists it (struct inet_diag_msg of linux/inet_diag.h,
/// and the attributes after it).
package struct DiagSocket: Sendable {
    package var state: TCPState
    package var local: SocketAddress
    package var remote: SocketAddress
    /// SO_COOKIE: names the socket for good.
    package var cookie: UInt64
    /// Of /proc/PID/fd's "socket:[…]"; 0 once no process has it open. A subflow has that
    /// of its connection.
    package var inode: UInt32
    /// Bytes that wait to be read (of MPTCP: the memory that they take), or connections that
    /// wait to be accepted.
    package var receiveQueue: UInt32
    /// Bytes not yet acknowledged (of MPTCP: the memory that they take), or the listener's
    /// backlog.
    package var sendQueue: UInt32
    /// Of a socket listed for MPTCP.
    package var mptcp: MPTCPInfo?
    /// Of a socket listed for TCP.
    package var tcp: TCPInfo?
    /// The upper layer protocol's name. An unprivileged user is not told.
    package var upperLayer: String?
    package var subflow: SubflowInfo?
    /// Attributes of a newer kernel, by their numbers.
    package var unknownAttributes: [UInt16] = []

    /// What to list.
    package enum List: UInt32, Sendable {
        case tcp = 6
        case mptcp = 262
    }

    /// Whether its program has closed it, and it is there until the other end has closed too, or
    /// for its time. One that waits to be accepted is nobody's either, and is none of these.
    package var isClosed: Bool {
        let open: [TCPState] = [.established, .closeWait, .synSent, .synReceived, .listen]
        return inode == 0 && !open.contains(state)
    }

    /// INET_DIAG_* of linux/inet_diag.h; the distributions' headers end at different ones.
    private enum Attribute: UInt16 {
        case memoryInfo = 1
        case info, vegasInfo, congestion, typeOfService, trafficClass, socketMemory, shutdown
        case dctcpInfo, `protocol`, v6only, locals, peers, padding, mark, bbrInfo, classID
        case md5Signature, upperLayerInfo, bpfStorages, cgroupID, socketOptions
    }

    private enum UpperLayerAttribute: UInt16 {
        case name = 1
        case tls, mptcp
    }

    /// sizeof(struct inet_diag_msg).
    private static let headerSize = 72

    /// Nil for a message that is no whole socket of the internet families.
    package init?(_ message: NetlinkMessage, listing list: List) {
        let bytes = message.payload
        guard Int32(message.type) == SOCK_DIAG_BY_FAMILY, bytes.count >= Self.headerSize,
            let family = bytes.load(UInt8.self, at: 0), let state = bytes.load(UInt8.self, at: 1),
            let device = bytes.load(UInt32.self, at: 40),
            let local = Self.address(family, device, bytes, address: 8, port: 4),
            let remote = Self.address(family, device, bytes, address: 24, port: 6),
            let cookieLow = bytes.load(UInt32.self, at: 44),
            let cookieHigh = bytes.load(UInt32.self, at: 48),
            let receiveQueue = bytes.load(UInt32.self, at: 56),
            let sendQueue = bytes.load(UInt32.self, at: 60),
            let inode = bytes.load(UInt32.self, at: 68)
        else { return nil }
        self.state = TCPState(rawValue: state)
        self.local = local
        self.remote = remote
        cookie = UInt64(cookieHigh) << 32 | UInt64(cookieLow)
        self.inode = inode
        self.receiveQueue = receiveQueue
        self.sendQueue = sendQueue
        for (type, value) in NetlinkAttributes(bytes.dropFirst(Self.headerSize)) {
            switch Attribute(rawValue: type) {
            case .info where list == .mptcp: mptcp = MPTCPInfo(value)
            case .info: tcp = TCPInfo(value)
            case .upperLayerInfo: parseUpperLayer(NetlinkAttributes(value))
            case nil: unknownAttributes.append(type)
            default: break
            }
        }
    }

    private mutating func parseUpperLayer(_ attributes: NetlinkAttributes) {
        for (type, value) in attributes {
            switch UpperLayerAttribute(rawValue: type) {
            case .name: upperLayer = value.string
            case .mptcp: subflow = SubflowInfo(NetlinkAttributes(value))
            default: break
            }
        }
    }

    private static func address(
        _ family: UInt8, _ device: UInt32, _ bytes: ByteView, address: Int, port: Int
    ) -> SocketAddress? {
        var result = mptcpize_address()
        let isIPv4 = Int32(family) == AF_INET
        guard let number = bytes.loadBigEndian(UInt16.self, at: port),
            let host = bytes.part(from: address, count: isIPv4 ? 4 : 16)
        else { return nil }
        result.family = family
        result.port = number
        host.withUnsafeBytes { source in
            withUnsafeMutableBytes(of: &result.bytes) { $0.copyMemory(from: source) }
        }
        // The device says which link only where the address needs one: fe80::/10.
        if !isIPv4, result.bytes.0 == 0xFE, result.bytes.1 & 0xC0 == 0x80 { result.scope = device }
        return SocketAddress(result)
    }

    /// A request for all sockets of a protocol and family.
    ///
    /// - Parameter states: bits 1 << TCPState.
    package static func request(_ list: List, family: Int32, states: UInt32) -> NetlinkRequest {
        // struct inet_diag_req_v2: u8 family, u8 protocol, u8 extensions, u8 padding,
        // u32 states, then struct inet_diag_sockid (48 bytes), all zeros for a dump.
        let wanted = UInt8(1) << UInt8(Attribute.info.rawValue - 1)
        // Protocol 0 where the attribute says it: a kernel that does not know the attribute
        // (before 5.9) then knows no such sockets, rather than listing 262 & 0xff = TCP's.
        let number = list == .tcp ? UInt8(list.rawValue) : 0
        let head = [UInt8(family), number, wanted, 0] + bytes(of: states)
        var request = NetlinkRequest(
            type: UInt16(SOCK_DIAG_BY_FAMILY), isDump: true,
            payload: head + [UInt8](repeating: 0, count: 48))
        if list == .mptcp { request.append(attribute: requestProtocol, bytes(of: list.rawValue)) }
        return request
    }

    /// A request for the MPTCP connection of a token, which stands where a cookie stands otherwise
    /// (mptcp_diag_dump_one in net/mptcp/mptcp_diag.c).
    package static func request(token: UInt32) -> NetlinkRequest {
        let wanted = UInt8(1) << UInt8(Attribute.info.rawValue - 1)
        // struct inet_diag_sockid: ports, addresses and interface, 40 bytes, then the cookie.
        var request = NetlinkRequest(
            type: UInt16(SOCK_DIAG_BY_FAMILY), isDump: false,
            payload: [UInt8(AF_INET), 0, wanted, 0] + bytes(of: UInt32.max)
                + [UInt8](repeating: 0, count: 40) + bytes(of: token) + bytes(of: UInt32(0)))
        request.append(attribute: requestProtocol, bytes(of: List.mptcp.rawValue))
        return request
    }

    private static let requestProtocol: UInt16 = 3  // INET_DIAG_REQ_PROTOCOL, Linux 5.9
}

/// include/net/tcp_states.h, by the names that ss(8) has made usual.
package struct TCPState: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let established = TCPState(rawValue: 1)
    package static let synSent = TCPState(rawValue: 2)
    package static let synReceived = TCPState(rawValue: 3)
    package static let timeWait = TCPState(rawValue: 6)
    package static let close = TCPState(rawValue: 7)
    package static let closeWait = TCPState(rawValue: 8)
    package static let listen = TCPState(rawValue: 10)

    private static let names = [
        "?", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN",
        "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING", "SYN-RECV",
    ]

    /// "ESTAB", or the number of one that only a newer kernel has.
    package var name: String {
        Self.names.indices.contains(Int(rawValue)) && rawValue > 0
            ? Self.names[Int(rawValue)] : "state-\(rawValue)"
    }

    /// The bit that requests sockets in this state.
    package var bit: UInt32 { 1 << UInt32(rawValue & 31) }
}
