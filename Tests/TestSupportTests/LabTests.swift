import Foundation
import TestSupport
import Testing

/// What scripts/lab makes of network namespaces, by way of what the other suites call.
@Suite("Labs")
struct LabTests {
    @Test("a transfer over the two-path lab uses both", .requires(.namespaces), .requires(.mptcp))
    func twoPaths() throws {
        let paths = try TwoPaths()
        let server = try Background(["python3", "-c", Self.receive], in: paths.server)
        try server.waitUntilListening(on: 5000)
        try mustRun(["python3", "-c", Self.send], in: paths.client)
        #expect(server.wait().output == "8000000\n")
        #expect(try paths.server.counters()["MPJoinAckRx"] ?? 0 >= 1)
        for device in ["eth0", "eth1"] {
            let table = try paths.client.ip("-json", "-statistics", "link", "show", device)
            let sent = try #require(table.firstMatch(of: /"tx":{"bytes":([0-9]+)/)?.1)
            #expect(try #require(Int(sent)) > 1_000_000, "\(device) carried \(sent) bytes")
        }
    }

    private static let receive = """
        import socket
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
        listener.bind(("0.0.0.0", 5000)); listener.listen()
        connection, _ = listener.accept(); total = 0
        while data := connection.recv(1 << 20): total += len(data)
        print(total)
        """
    private static let send = """
        import socket
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
        connection.connect(("\(TwoPaths.serverAddresses[0])", 5000))
        connection.sendall(b"x" * 8000000); connection.shutdown(1); connection.recv(1)
        """
}
