import CLinux
import Glibc
import LinuxSystem
import SocketEvents
import SocketValues

/// An address that the kernel's path manager uses for additional subflows: what
/// `ip mptcp endpoint` shows.
package struct MPTCPEndpoint: Equatable, Sendable {
    package var id: UInt8 = 0
    package var address: SocketAddress
    package var flags: Flags = []
    /// The number of the interface it is bound to; 0 for none.
    package var interface: Int32 = 0

    /// MPTCP_PM_ADDR_FLAG_* of linux/mptcp_pm.h.
    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Announced to peers.
        package static let signal = Flags(rawValue: 1 << 0)
        /// Subflows start from it.
        package static let subflow = Flags(rawValue: 1 << 1)
        package static let backup = Flags(rawValue: 1 << 2)
        package static let fullmesh = Flags(rawValue: 1 << 3)
        /// The kernel made it itself, for a subflow from an address that is no endpoint.
        package static let implicit = Flags(rawValue: 1 << 4)
        /// Subflows start from it only to addresses that the peer announced. Linux 6.18.
        package static let laminar = Flags(rawValue: 1 << 5)

        /// By their bits: the words of ip-mptcp(8).
        package static let names = [
            "signal", "subflow", "backup", "fullmesh", "implicit", "laminar",
        ]

        /// By the words of ip-mptcp(8); bits of a newer kernel by their value.
        package var words: String {
            var words = Self.names.indices.filter { rawValue & 1 << $0 != 0 }.map { Self.names[$0] }
            let unknown = rawValue & ~UInt32(0x3F)
            if unknown != 0 { words.append("0x" + String(unknown, radix: 16)) }
            return words.joined(separator: " ")
        }
    }

    /// MPTCP_PM_ATTR_ADDR.
    fileprivate static let addressAttribute: UInt16 = 1

    /// MPTCP_PM_ADDR_ATTR_*.
    fileprivate enum Attribute: UInt16 {
        case family = 1
        case id, address4, address6, port, flags, interface
    }

    /// Nil for a message without an address.
    init?(_ message: NetlinkMessage) {
        guard
            let nested = GenericNetlinkFamily.attributes(of: message)
                .first(where: { $0.type == Self.addressAttribute })?.value
        else { return nil }
        var raw = mptcpize_address()
        var id: UInt8 = 0
        var flags: Flags = []
        var interface: Int32 = 0
        for (type, value) in NetlinkAttributes(nested) {
            switch Attribute(rawValue: type) {
            case .family:
                raw.family = UInt8(truncatingIfNeeded: value.load(UInt16.self, at: 0) ?? 0)
            case .id: id = value.load(at: 0) ?? 0
            case .address4, .address6: raw.setBytes(value)
            case .port: raw.port = value.load(at: 0) ?? 0
            case .flags: flags = Flags(rawValue: value.load(at: 0) ?? 0)
            case .interface: interface = value.load(at: 0) ?? 0
            case nil: break
            }
        }
        guard let address = SocketAddress(raw) else { return nil }
        self.id = id
        self.address = address
        self.flags = flags
        self.interface = interface
    }
}

extension mptcpize_address {
    /// Takes an address in network order; what is longer than an address is cut.
    mutating func setBytes(_ value: ByteView) {
        value.withUnsafeBytes { source in
            withUnsafeMutableBytes(of: &bytes) {
                $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: source.prefix($0.count)))
            }
        }
    }
}

/// How many additional subflows connections may have: what `ip mptcp limits` shows.
package struct MPTCPLimits: Equatable, Sendable {
    package var subflows: UInt32
    /// How many of a peer's announced addresses are connected to.
    package var acceptedAddresses: UInt32
}

/// The kernel's path manager in one network namespace (generic netlink family mptcp_pm).
package struct PathManagement: Sendable {
    package var endpoints: [MPTCPEndpoint]
    package var limits: MPTCPLimits

    static let family = "mptcp_pm"
    static let version: UInt8 = 1

    /// MPTCP_PM_CMD_* and MPTCP_PM_ATTR_*.
    private static let getAddress: UInt8 = 3
    private static let getLimits: UInt8 = 6
    private static let acceptedAttribute: UInt16 = 2
    private static let subflowsAttribute: UInt16 = 3

    /// - Throws: what the kernel answered: ENOENT without MPTCP, EPERM without root.
    package init(over channel: borrowing some NetlinkChannel & ~Copyable) throws(Errno) {
        guard let family = try GenericNetlinkFamily(Self.family, over: channel) else {
            throw Errno(rawValue: ENOENT)
        }
        let addresses = family.request(
            command: Self.getAddress, version: Self.version, isDump: true)
        endpoints = try channel.dump(addresses) { message in
            message.type == family.id ? MPTCPEndpoint(message) : nil
        }.items
        let limits = family.request(command: Self.getLimits, version: Self.version)
        let answer = try channel.ask(limits) { message -> MPTCPLimits? in
            guard message.type == family.id else { return nil }
            var limits = MPTCPLimits(subflows: 0, acceptedAddresses: 0)
            for (type, value) in GenericNetlinkFamily.attributes(of: message) {
                if type == Self.acceptedAttribute {
                    limits.acceptedAddresses = value.load(at: 0) ?? 0
                }
                if type == Self.subflowsAttribute { limits.subflows = value.load(at: 0) ?? 0 }
            }
            return limits
        }
        guard let answer else { throw Errno(rawValue: EBADMSG) }
        self.limits = answer
    }
}

extension PathManagement {
    /// Whether the path manager knows endpoints of kind "laminar" (Linux 6.18). It makes an endpoint:
    /// for a network namespace of its own, which is thrown away.
    ///
    /// One that does keeps the flag, and clears those that it does not know; others keep all.
    package static func makesLaminar(
        over channel: borrowing some NetlinkChannel & ~Copyable
    ) throws(Errno) -> Bool {
        guard let family = try GenericNetlinkFamily(Self.family, over: channel) else {
            return false
        }
        let laminar = MPTCPEndpoint.Flags.laminar.rawValue
        let nobodys: UInt32 = 1 << 30
        // MPTCP_PM_CMD_ADD_ADDR; 192.0.2.1, of RFC 5737.
        let addAddress: UInt8 = 1
        var request = family.request(command: addAddress, version: Self.version)
        var address = NetlinkRequest(type: 0, isDump: false, payload: [])
        address.append(
            attribute: MPTCPEndpoint.Attribute.family.rawValue, bytes(of: UInt16(AF_INET)))
        address.append(attribute: MPTCPEndpoint.Attribute.address4.rawValue, [192, 0, 2, 1])
        address.append(
            attribute: MPTCPEndpoint.Attribute.flags.rawValue, bytes(of: laminar | nobodys))
        let nested: UInt16 = 0x8000  // NLA_F_NESTED
        request.append(attribute: MPTCPEndpoint.addressAttribute | nested, address.payload)
        request.wantsAnswer = true
        _ = try channel.ask(request) { _ in false }
        let flags = try PathManagement(over: channel).endpoints.first?.flags.rawValue
        return flags == laminar
    }
}
