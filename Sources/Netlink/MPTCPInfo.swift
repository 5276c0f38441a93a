/// struct mptcp_info of linux/mptcp.h, as INET_DIAG_INFO and getsockopt(MPTCP_INFO) give
/// it. Members that the running kernel does not have are nil.
package struct MPTCPInfo: Equatable, Sendable {
    /// Subflows besides the first. (The kernel's own name, mptcpi_subflows, is older than
    /// the word "extra" in its manual.)
    package var extraSubflows: UInt8
    package var addressesAnnounced: UInt8
    package var addressesAccepted: UInt8
    package var flags: Flags
    package var token: UInt32
    /// Retransmissions between subflows, not within one. All counters: Linux ≥ 6.5.
    package var retransmits: UInt32?
    package var bytesRetransmitted: UInt64?
    package var bytesSent: UInt64?
    package var bytesReceived: UInt64?
    package var bytesAcknowledged: UInt64?
    /// The first one included. Linux ≥ 6.8.
    package var subflowsTotal: UInt8?
    /// Milliseconds ago. Linux ≥ 6.10.
    package var lastDataSent: UInt32?
    package var lastDataReceived: UInt32?
    package var lastAcknowledgement: UInt32?

    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }

        /// It speaks plain TCP.
        package static let fallback = Flags(rawValue: 1 << 0)
        /// The peer has shown that it speaks MPTCP (RFC 8684 section 3.1).
        package static let remoteKeyReceived = Flags(rawValue: 1 << 1)

        static let known: Flags = [.fallback, .remoteKeyReceived]
        /// Bits of a newer kernel.
        package var unknown: Flags { subtracting(.known) }
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
    package init?(_ bytes: ByteView) {
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
    package var paths: Int {
        Int(subflowsTotal ?? (extraSubflows == .max ? .max : extraSubflows + 1))
    }
}
