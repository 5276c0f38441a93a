/// A client and a server namespace joined by two links of 50 Mbit/s each, with the second
/// address an MPTCP endpoint on both sides, so connections get a second subflow automatically.
/// scripts/lab/two-paths makes the links.
public struct TwoPaths: Sendable {
    public let client: Namespace
    public let server: Namespace
    /// The server's address on the first and the second link.
    public static let serverAddresses = ["10.77.1.2", "10.77.2.2"]
    public static let clientAddresses = ["10.77.1.1", "10.77.2.1"]

    /// - Parameter additionalSubflows: how many a connection may have on either side; by default,
    ///   as many as the lab's script allows.
    public init(additionalSubflows: Int? = nil) throws {
        client = try Namespace("client")
        server = try Namespace("server")
        try mustRun([Repository.path("scripts/lab/two-paths"), client.name, server.name])
        guard let additionalSubflows else { return }
        for host in [client, server] {
            try host.ip("mptcp", "limits", "set", "subflows", "\(additionalSubflows)")
        }
    }

    /// Cuts one of the two links (0 or 1) as a pulled cable would.
    public func cut(link: Int) throws {
        try server.ip("link", "set", "eth\(link)", "down")
    }
}
