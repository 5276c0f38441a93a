import Foundation
import TestSupport

/// Two hosts with one link between them, where a conversation takes place once.
struct Stage {
    static let clientAddress = "10.88.0.1"
    static let clientAddress6 = "fd88::1"
    static let serverAddress = "10.88.0.2"
    static let serverAddress6 = "fd88::2"

    let client: Namespace
    let server: Namespace

    init(mptcp enabled: Bool) throws {
        client = try Namespace("client")
        server = try Namespace("server")
        try Namespace.connect(
            client, "\(Self.clientAddress)/24", server, "\(Self.serverAddress)/24")
        try Namespace.connect(
            client, "\(Self.clientAddress6)/64", server, "\(Self.serverAddress6)/64", device: "eth1"
        )
        for namespace in [client, server] where !enabled {
            try namespace.setMPTCP(enabled: false)
        }
    }
}

/// Waits until no connection is open on a server's side: its processes have then seen the end
/// of each, have closed it, and have said so in the report.
func waitUntilConnectionsEnd(_ server: Background, in namespace: Namespace) throws {
    func open() -> [String] { openConnections(asSeenBy: server.pid) + connections(in: namespace) }
    let ended = poll(within: .seconds(10)) { open().isEmpty }
    if !ended { throw StillConnected(rows: open()) }
}

/// Connections that a server has open although its client has ended.
struct StillConnected: Error, CustomStringConvertible {
    let rows: [String]
    var description: String { "still open on the server:\n\(rows.joined(separator: "\n"))" }
}

/// The rows of a process's /proc/net/tcp{,6} for connections that a program may have open, or
/// that wait for one to accept them.
func openConnections(asSeenBy pid: pid_t) -> [String] {
    // include/net/tcp_states.h: all but FIN_WAIT2, TIME_WAIT, CLOSE and LISTEN.
    let open: Set<Substring> = ["01", "02", "03", "04", "08", "09", "0B"]
    return ["tcp", "tcp6"].flatMap { table -> [String] in
        let text = try? String(contentsOfFile: "/proc/\(pid)/net/\(table)", encoding: .utf8)
        return (text ?? "").split(separator: "\n").dropFirst().map(String.init).filter { row in
            let fields = row.split(separator: " ", omittingEmptySubsequences: true)
            return fields.count > 3 && open.contains(fields[3])
        }
    }
}
