import CLinux
import Glibc
import LinuxSystem
import SocketEvents
import SocketValues

/// Where the kernel would send packets: what `ip route get DESTINATION from SOURCE` shows.
package struct Route: Equatable, Sendable {
    /// The interface's number.
    package var interface: Int32
    package var gateway: SocketAddress?

    /// - Parameter interface: of a socket that is bound to one, its number.
    /// - Throws: ENETUNREACH and the like where there is no route, EINVAL where the source
    ///   is no address of this host.
    package init(
        to destination: SocketAddress, from source: SocketAddress?, boundTo interface: Int32? = nil,
        over channel: borrowing some NetlinkChannel & ~Copyable
    ) throws(Errno) {
        let family = destination.family == .inet ? UInt8(AF_INET) : UInt8(AF_INET6)
        let bits: UInt8 = destination.family == .inet ? 32 : 128
        // For a bound socket without any route, IPv4 takes the destination to be on its link, and
        // asks there for who has the address: only what the tables have is a route.
        let flags: UInt32 = interface == nil ? 0 : 0x2000  // RTM_F_FIB_MATCH, Linux 4.13
        // struct rtmsg: family, destination's and source's bits, tos, table, protocol, scope,
        // type, u32 flags.
        var request = NetlinkRequest(
            type: UInt16(RTM_GETROUTE), isDump: false,
            payload: [family, bits, source == nil ? 0 : bits, 0, 0, 0, 0, 0] + bytes(of: flags))
        if let interface {
            request.append(attribute: UInt16(RTA_OIF.rawValue), bytes(of: interface))
        }
        request.append(attribute: UInt16(RTA_DST.rawValue), destination.networkBytes)
        if let source { request.append(attribute: UInt16(RTA_SRC.rawValue), source.networkBytes) }
        guard let route = try channel.ask(request, parse: { Route($0, family: family) }) else {
            throw Errno(rawValue: ENETUNREACH)
        }
        self = route
    }

    private init?(_ message: NetlinkMessage, family: UInt8) {
        guard Int32(message.type) == RTM_NEWROUTE else { return nil }
        let headerSize = 12
        var interface: Int32 = 0
        var gateway: SocketAddress?
        for (type, value) in NetlinkAttributes(message.payload.dropFirst(headerSize)) {
            switch UInt32(type) {
            case UInt32(RTA_OIF.rawValue): interface = value.load(at: 0) ?? 0
            case UInt32(RTA_GATEWAY.rawValue):
                var raw = mptcpize_address()
                raw.family = family
                raw.setBytes(value)
                gateway = SocketAddress(raw)
            default: break
            }
        }
        self.interface = interface
        self.gateway = gateway
    }
}

/// A routing table that has a way to everywhere by some interface: `default … dev IFACE table N`.
package struct DefaultRoute: Equatable, Sendable {
    package var interface: Int32
    package var table: UInt32

    /// All of a family, in all tables of this network namespace.
    package static func all(
        _ family: AddressFamily, over channel: borrowing some NetlinkChannel & ~Copyable
    ) throws(Errno) -> [DefaultRoute] {
        let number = family == .inet ? UInt8(AF_INET) : UInt8(AF_INET6)
        let request = NetlinkRequest(
            type: UInt16(RTM_GETROUTE), isDump: true,
            payload: [number] + [UInt8](repeating: 0, count: 11))
        return try channel.dump(request) { DefaultRoute($0) }.items
    }

    private init?(_ message: NetlinkMessage) {
        let unicast: UInt8 = 1  // RTN_UNICAST: no "unreachable", no "blackhole"
        guard Int32(message.type) == RTM_NEWROUTE, message.payload.load(UInt8.self, at: 1) == 0,
            let shortTable = message.payload.load(UInt8.self, at: 4),
            message.payload.load(UInt8.self, at: 7) == unicast
        else { return nil }
        table = UInt32(shortTable)
        interface = 0
        for (type, value) in NetlinkAttributes(message.payload.dropFirst(12)) {
            switch UInt32(type) {
            case UInt32(RTA_OIF.rawValue): interface = value.load(at: 0) ?? 0
            case UInt32(RTA_TABLE.rawValue): table = value.load(at: 0) ?? table
            default: break
            }
        }
    }
}
