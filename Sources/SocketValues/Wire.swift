package enum AddressFamily: String, Sendable { case inet, inet6 }

/// What a socket is on the wire: enum mptcpize_wire, by the names of the report.
package enum Wire: String, Sendable, CaseIterable {
    case mptcp, fallback, tcp, listening, unconnected, unknown

    package init(code: UInt8) {
        switch code {
        case 1: self = .mptcp
        case 2: self = .fallback
        case 3: self = .tcp
        case 4: self = .listening
        case 5: self = .unconnected
        default: self = .unknown
        }
    }
}

/// The kernel's answer at one moment.
package struct WireAnswer: Equatable, Sendable {
    package var wire: Wire
    /// Paths, the first included; nil: not known.
    package var subflows: Int?
    package var bytesSent: UInt64?
    package var bytesReceived: UInt64?

    package static let unknown = WireAnswer(
        wire: .unknown, subflows: 0, bytesSent: .max, bytesReceived: .max)

    /// More paths than this no kernel has (MPTCP_SUBFLOWS_MAX is 8, and the first one).
    private static let mostSubflows: UInt32 = 64

    /// Takes the C conventions for "not known": 0 subflows, MPTCPIZE_BYTES_UNKNOWN bytes.
    package init(wire: Wire, subflows: UInt32, bytesSent: UInt64, bytesReceived: UInt64) {
        self.wire = wire
        self.subflows = (1...Self.mostSubflows).contains(subflows) ? Int(subflows) : nil
        self.bytesSent = bytesSent == .max ? nil : bytesSent
        self.bytesReceived = bytesReceived == .max ? nil : bytesReceived
    }
}
