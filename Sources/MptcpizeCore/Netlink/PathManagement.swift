import CLinux
import Glibc
import SocketEvents

/// An address that the kernel's path manager uses for additional subflows: what
/// `ip mptcp endpoint` shows.
public struct MPTCPEndpoint: Equatable, Sendable {
    public var id: UInt8 = 0
    public var address: SocketAddress
    public var flags: Flags = []
    /// The number of the interface it is bound to; 0 for none.
    public var interface: Int32 = 0

    /// MPTCP_PM_ADDR_FLAG_* of linux/mptcp_pm.h.
    public struct Flags: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Announced to peers.
        public static let signal = Flags(rawValue: 1 << 0)
        /// Subflows start from it.
        public static let subflow = Flags(rawValue: 1 << 1)
        public static let backup = Flags(rawValue: 1 << 2)
        public static let fullmesh = Flags(rawValue: 1 << 3)
        /// The kernel made it itself, for a subflow from an address that is no endpoint.
        public static let implicit = Flags(rawValue: 1 << 4)
        /// Subflows start from it only to addresses that the peer announced. Linux 6.18.
        public static let laminar = Flags(rawValue: 1 << 5)

        private static let names = [
            "signal", "subflow", "backup", "fullmesh", "implicit", "laminar",
        ]

        /// By the words of ip-mptcp(8); bits of a newer kernel by their value.
        public var words: String {
            var words = Self.names.indices.filter { rawValue & 1 << $0 != 0 }.map { Self.names[$0] }
            let unknown = rawValue & ~UInt32(0x3F)
            if unknown != 0 { words.append("0x" + String(unknown, radix: 16)) }
            return words.joined(separator: " ")
        }
    }

    /// MPTCP_PM_ADDR_ATTR_*.
    private enum Attribute: UInt16 {
        case family = 1
        case id, address4, address6, port, flags, interface
    }

    /// Nil for a message without an address.
    init?(_ message: NetlinkMessage) {
        let addressAttribute: UInt16 = 1  // MPTCP_PM_ATTR_ADDR
        guard
            let nested = GenericNetlinkFamily.attributes(of: message)
                .first(where: { $0.type == addressAttribute })?.value
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
public struct MPTCPLimits: Equatable, Sendable {
    public var subflows: UInt32
    /// How many of a peer's announced addresses are connected to.
    public var acceptedAddresses: UInt32
}

/// The kernel's path manager in one network namespace (generic netlink family mptcp_pm).
public struct PathManagement: Sendable {
    public var endpoints: [MPTCPEndpoint]
    public var limits: MPTCPLimits

    static let family = "mptcp_pm"
    static let version: UInt8 = 1

    /// MPTCP_PM_CMD_* and MPTCP_PM_ATTR_*.
    private static let getAddress: UInt8 = 3
    private static let getLimits: UInt8 = 6
    private static let acceptedAttribute: UInt16 = 2
    private static let subflowsAttribute: UInt16 = 3

    /// - Throws: what the kernel answered: ENOENT without MPTCP, EPERM without root.
    public init(over channel: borrowing some NetlinkChannel & ~Copyable) throws(Errno) {
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
