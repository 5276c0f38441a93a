/// struct mptcp_info of linux/mptcp.h, as INET_DIAG_INFO and getsockopt(MPTCP_INFO) give
/// it. Members that the running kernel does not have are nil.
public struct MPTCPInfo: Equatable, Sendable {
    /// Subflows besides the first. (The kernel's own name, mptcpi_subflows, is older than
    /// the word "extra" in its manual.)
    public var extraSubflows: UInt8
    public var addressesAnnounced: UInt8
    public var addressesAccepted: UInt8
    public var flags: Flags
    public var token: UInt32
    /// Retransmissions between subflows, not within one. All counters: Linux ≥ 6.5.
    public var retransmits: UInt32?
    public var bytesRetransmitted: UInt64?
    public var bytesSent: UInt64?
    public var bytesReceived: UInt64?
    public var bytesAcknowledged: UInt64?
    /// The first one included. Linux ≥ 6.8.
    public var subflowsTotal: UInt8?
    /// Milliseconds ago. Linux ≥ 6.10.
    public var lastDataSent: UInt32?
    public var lastDataReceived: UInt32?
    public var lastAcknowledgement: UInt32?

    public struct Flags: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// It speaks plain TCP.
        public static let fallback = Flags(rawValue: 1 << 0)
        /// The peer has shown that it speaks MPTCP (RFC 8684 section 3.1).
        public static let remoteKeyReceived = Flags(rawValue: 1 << 1)

        static let known: Flags = [.fallback, .remoteKeyReceived]
        /// Bits of a newer kernel.
        var unknown: Flags { subtracting(.known) }
    }

    // Offsets: pahole of struct mptcp_info, Linux 6.18; the same on every architecture.
    // mptcpi_endp_laminar_max and _fullmesh_max (6.18) lie in what was a hole at 81.
    private static let extraSubflows = StructMember<UInt8>(at: 0)
    private static let addAddrSignal = StructMember<UInt8>(at: 1)
    private static let addAddrAccepted = StructMember<UInt8>(at: 2)
    private static let flags = StructMember<UInt32>(at: 8)
    private static let token = StructMember<UInt32>(at: 12)
    private static let retransmits = StructMember<UInt32>(at: 44)
    private static let bytesRetrans = StructMember<UInt64>(at: 48)
    private static let bytesSent = StructMember<UInt64>(at: 56)
    private static let bytesReceived = StructMember<UInt64>(at: 64)
    private static let bytesAcked = StructMember<UInt64>(at: 72)
    private static let subflowsTotal = StructMember<UInt8>(at: 80)
    private static let lastDataSent = StructMember<UInt32>(at: 84)
    private static let lastDataRecv = StructMember<UInt32>(at: 88)
    private static let lastAckRecv = StructMember<UInt32>(at: 92)

    /// Nil for less than the struct had when it appeared (Linux 5.9).
    public init?(_ bytes: ByteView) {
        guard let extraSubflows = bytes.member(Self.extraSubflows),
            let announced = bytes.member(Self.addAddrSignal),
            let accepted = bytes.member(Self.addAddrAccepted),
            let flags = bytes.member(Self.flags), let token = bytes.member(Self.token)
        else { return nil }
        self.extraSubflows = extraSubflows
        addressesAnnounced = announced
        addressesAccepted = accepted
        self.flags = Flags(rawValue: flags)
        self.token = token
        retransmits = bytes.member(Self.retransmits)
        bytesRetransmitted = bytes.member(Self.bytesRetrans)
        bytesSent = bytes.member(Self.bytesSent)
        bytesReceived = bytes.member(Self.bytesReceived)
        bytesAcknowledged = bytes.member(Self.bytesAcked)
        // Present with the member after it: a kernel before 6.8 ends at bytes_acked.
        subflowsTotal = bytes.member(Self.subflowsTotal)
        lastDataSent = bytes.member(Self.lastDataSent)
        lastDataReceived = bytes.member(Self.lastDataRecv)
        lastAcknowledgement = bytes.member(Self.lastAckRecv)
    }

    /// Paths in use, the first subflow included.
    public var paths: Int {
        Int(subflowsTotal ?? (extraSubflows == .max ? .max : extraSubflows + 1))
    }
}
