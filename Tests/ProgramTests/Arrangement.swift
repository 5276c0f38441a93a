/// Who of the two runs under mptcpize.
enum Arrangement: String, CaseIterable, Sendable {
    /// Nobody: what all others are compared with.
    case plain = "without mptcpize"
    case both = "mptcpize on both ends"
    case client = "mptcpize on the client only"
    case server = "mptcpize on the server only"
    case off = "mptcpize on both ends, MPTCP switched off"

    var isClientMptcpized: Bool { [.both, .client, .off].contains(self) }
    var isServerMptcpized: Bool { [.both, .server, .off].contains(self) }
    var isMPTCPEnabled: Bool { self != .off }

    /// What the client's connections to the server have to be on the wire, by the report.
    var clientWire: String {
        switch self {
        case .both: "mptcp"
        case .client: "fallback"
        case .plain, .server, .off: "tcp"
        }
    }

    /// The same of what the server accepts from the client.
    var serverWire: String { self == .both ? "mptcp" : "tcp" }
}
