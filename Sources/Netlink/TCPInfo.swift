/// struct tcp_info of linux/tcp.h: what a subflow, or a plain TCP socket, shows about itself.
package struct TCPInfo: Equatable, Sendable {
    /// Milliseconds ago.
    package var lastDataSent: UInt32
    package var lastDataReceived: UInt32
    package var lastAcknowledgement: UInt32
    /// Smoothed round-trip time, microseconds.
    package var roundTripTime: UInt32
    /// Segments retransmitted over the connection's life.
    package var retransmits: UInt32
    /// Linux ≥ 4.1.
    package var bytesAcknowledged: UInt64?
    package var bytesReceived: UInt64?
    /// Retransmissions included. Linux ≥ 4.19, and so the next.
    package var bytesSent: UInt64?
    package var bytesRetransmitted: UInt64?

    private static let lastDataSent = StructMember<UInt32>(at: 44)
    private static let lastDataRecv = StructMember<UInt32>(at: 52)
    private static let lastAckRecv = StructMember<UInt32>(at: 56)
    private static let rtt = StructMember<UInt32>(at: 68)
    private static let totalRetrans = StructMember<UInt32>(at: 100)
    private static let bytesAcked = StructMember<UInt64>(at: 120)
    private static let bytesReceived = StructMember<UInt64>(at: 128)
    private static let bytesSent = StructMember<UInt64>(at: 200)
    private static let bytesRetrans = StructMember<UInt64>(at: 208)

    /// Nil for less than the struct had in Linux 2.6.
    package init?(_ bytes: ByteView) {
        guard let lastDataSent = bytes.member(Self.lastDataSent),
            let lastDataReceived = bytes.member(Self.lastDataRecv),
            let lastAcknowledgement = bytes.member(Self.lastAckRecv),
            let roundTripTime = bytes.member(Self.rtt),
            let retransmits = bytes.member(Self.totalRetrans)
        else { return nil }
        self.lastDataSent = lastDataSent
        self.lastDataReceived = lastDataReceived
        self.lastAcknowledgement = lastAcknowledgement
        self.roundTripTime = roundTripTime
        self.retransmits = retransmits
        bytesAcknowledged = bytes.member(Self.bytesAcked)
        bytesReceived = bytes.member(Self.bytesReceived)
        bytesSent = bytes.member(Self.bytesSent)
        bytesRetransmitted = bytes.member(Self.bytesRetrans)
    }

    /// What the program sent, each byte counted once.
    package var bytesSentOnce: UInt64? {
        guard let bytesSent, let bytesRetransmitted else { return bytesAcknowledged }
        return bytesSent - min(bytesSent, bytesRetransmitted)
    }
}
