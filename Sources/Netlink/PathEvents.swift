import CLinux
import Glibc
import LinuxSystem
import SocketEvents
import SocketValues

/// What the kernel tells of MPTCP connections as it happens (multicast group
/// mptcp_pm_events, Linux 5.12; with CAP_NET_ADMIN).
package struct PathEvents: ~Copyable {
    private let socket: NetlinkSocket?
    private let family: UInt16

    private static let announcedCommand: UInt8 = 6  // MPTCP_EVENT_ANNOUNCED

    /// MPTCP_ATTR_* of linux/mptcp_pm.h.
    private enum Attribute: UInt16 {
        case token = 1
        case family, localID, remoteID, source4, source6, destination4, destination6
        case sourcePort, destinationPort
    }

    /// Listens from now on; silently not, where it may not.
    package init() {
        let opened = try? Self.open()
        family = opened?.family ?? 0
        socket = try? Self.subscribed(to: opened?.group)
    }

    private static func open() throws(Errno) -> (family: UInt16, group: UInt32) {
        let asking = try NetlinkSocket(NETLINK_GENERIC)
        guard let found = try GenericNetlinkFamily(PathManagement.family, over: asking),
            let group = found.groups["mptcp_pm_events"]
        else { throw Errno(rawValue: ENOENT) }
        return (found.id, group)
    }

    private static func subscribed(to group: UInt32?) throws(Errno) -> NetlinkSocket {
        guard let group else { throw Errno(rawValue: ENOENT) }
        let events = try NetlinkSocket(NETLINK_GENERIC)
        try events.join(group: group)
        return events
    }

    /// The addresses that the peer of a connection has announced so far; nil where that may
    /// not be known.
    package func announced(token: UInt32) -> [SocketAddress]? {
        switch socket {
        case .some(let events): Self.announced(token, family, over: events)
        case nil: nil
        }
    }

    private static func announced(
        _ token: UInt32, _ family: UInt16, over socket: borrowing NetlinkSocket
    ) -> [SocketAddress] {
        var result: [SocketAddress] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
        defer { buffer.deallocate() }
        while socket.waits(milliseconds: 0) {
            guard let count = try? socket.receive(into: buffer) else { break }
            let datagram = ByteView(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            NetlinkMessage.each(in: datagram) { message in
                guard message.type == family, let event = address(in: message),
                    event.token == token, !result.contains(event.address)
                else { return }
                result.append(event.address)
            }
        }
        return result
    }

    /// The address of an announcement, and the connection's token.
    static func address(in message: NetlinkMessage) -> (token: UInt32, address: SocketAddress)? {
        guard message.payload.load(UInt8.self, at: 0) == announcedCommand else { return nil }
        var raw = mptcpize_address()
        var token: UInt32 = 0
        for (type, value) in GenericNetlinkFamily.attributes(of: message) {
            switch Attribute(rawValue: type) {
            case .token: token = value.load(at: 0) ?? 0
            case .destination4, .destination6:
                // The family is said by nothing else.
                raw.family = UInt8(type == Attribute.destination4.rawValue ? AF_INET : AF_INET6)
                raw.setBytes(value)
            case .destinationPort: raw.port = value.loadBigEndian(at: 0) ?? 0
            default: break
            }
        }
        return SocketAddress(raw).map { (token, $0) }
    }
}
