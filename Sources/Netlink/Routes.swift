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
