import CLinux
import Glibc
import LinuxSystem
import SocketEvents
import SocketValues

/// A network device as the kernel lists it: what `ip -d link` shows of it.
package struct Link: Equatable, Sendable {
    package var index: Int32
    package var name = ""
    package var mtu: UInt32 = 0
    /// Whether it has what it sends by: a cable, a peer.
    package var hasCarrier = true
    /// The number of the device above it (a bridge, a bond, a VRF); 0 for none.
    package var master: Int32 = 0
    /// The number of the device below it (that of a VLAN); 0 for none.
    package var lower: Int32 = 0
    /// The driver's word: "vlan", "vrf", "gre"; empty for hardware.
    package var kind = ""
    /// Where a tunnel sends its packets to, if that is one address.
    package var tunnelRemote: SocketAddress?

    /// IFLA_* of linux/if_link.h.
    private enum Attribute: UInt16 {
        case name = 3
        case mtu, lower
        case master = 10
        case info = 18
        case carrier = 33
    }

    private enum InfoAttribute: UInt16 {
        case kind = 1
        case data
    }

    /// The attributes of a kind's data that have the tunnel's far end, for IPv4 and IPv6:
    /// IFLA_GRE_REMOTE, IFLA_IPTUN_REMOTE, IFLA_VTI_REMOTE, IFLA_VXLAN_GROUP, IFLA_GENEVE_REMOTE.
    private static let remoteAttributes: [String: [UInt16]] = [
        "gre": [7], "gretap": [7], "ip6gre": [7], "ip6gretap": [7], "erspan": [7],
        "ip6erspan": [7], "ipip": [3], "sit": [3], "ip6tnl": [3], "vti": [5], "vti6": [5],
        "vxlan": [2, 16], "geneve": [2, 7],
    ]

    /// All of this network namespace.
    package static func all(
        over channel: borrowing some NetlinkChannel & ~Copyable
    ) throws(Errno) -> [Link] {
        // struct ifinfomsg: u8 family, u8 padding, u16 type, i32 index, u32 flags, u32 change.
        let request = NetlinkRequest(
            type: UInt16(RTM_GETLINK), isDump: true,
            payload: [UInt8](repeating: 0, count: headerSize))
        return try channel.dump(request) { Link($0) }.items
    }

    private static let headerSize = 16

    init?(_ message: NetlinkMessage) {
        guard Int32(message.type) == RTM_NEWLINK,
            let index = message.payload.load(Int32.self, at: 4)
        else { return nil }
        self.index = index
        for (type, value) in NetlinkAttributes(message.payload.dropFirst(Self.headerSize)) {
            switch Attribute(rawValue: type) {
            case .name: name = value.string
            case .mtu: mtu = value.load(at: 0) ?? 0
            case .lower: lower = value.load(at: 0) ?? 0
            case .master: master = value.load(at: 0) ?? 0
            case .carrier: hasCarrier = value.load(UInt8.self, at: 0) != 0
            case .info: parse(NetlinkAttributes(value))
            case nil: break
            }
        }
    }

    private mutating func parse(_ info: NetlinkAttributes) {
        var data: ByteView?
        for (type, value) in info {
            switch InfoAttribute(rawValue: type) {
            case .kind: kind = value.string
            case .data: data = value
            case nil: break
            }
        }
        guard let data, let remotes = Self.remoteAttributes[kind] else { return }
        for (type, value) in NetlinkAttributes(data) where remotes.contains(type) {
            var raw = mptcpize_address()
            raw.family = UInt8(value.count == 4 ? AF_INET : AF_INET6)
            guard [4, 16].contains(value.count), value.copy().contains(where: { $0 != 0 }) else {
                continue
            }
            raw.setBytes(value)
            tunnelRemote = SocketAddress(raw)
        }
    }
}
