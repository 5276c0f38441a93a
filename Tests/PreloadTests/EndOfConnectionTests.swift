import Foundation
import TestSupport
import Testing

/// What the report says of connections that end at an odd moment.
@Suite("The end of a connection", .requires(.mptcp), .requires(.command("python3")))
struct EndOfConnectionTests {
    private func report(_ script: String) throws -> (Report, Outcome) {
        let directory = try TemporaryDirectory()
        let file = directory.file("report")
        let connection = """
            import socket, struct, time
            l = socket.create_server(("127.0.0.1", 0))
            c = socket.create_connection(l.getsockname()); a = l.accept()[0]

            """
        let outcome = try run([
            Products.mptcpize, "run", "--report", "--json", "-o", file, "python3", "-c",
            connection + script,
        ])
        try #require(outcome.succeeded, "\(outcome)")
        return (try Report(file: file), outcome)
    }

    @Test("reset before any data: the kernel falls back, the report does not say so")
    func earlyReset() throws {
        let (report, _) = try report(
            """
            a.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); a.close()
            try: c.recv(1)
            except ConnectionResetError: pass
            c.close()
            """)
        #expect(report.sockets("connect").map(\.wire) == ["unknown"])
        #expect(report.summary.fallback == 0)
    }

    @Test("shut down with data that the peer does not read: each byte is counted once")
    func queuedData() throws {
        let (report, outcome) = try report(
            """
            c.setblocking(False); sent = 0
            try:
                while True: sent += c.send(b"x" * 100000)
            except BlockingIOError: pass
            print(sent)
            c.shutdown(socket.SHUT_WR)
            c.close()
            """)
        let sent = try #require(
            Int(outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(report.sockets("connect", "mptcp").map(\.bytesSent) == [sent])
    }

    @Test("shut down for receiving only, it goes on sending")
    func receivingOnly() throws {
        let (report, _) = try report(
            """
            c.shutdown(socket.SHUT_RD)
            c.sendall(b"x"); a.recv(1)
            c.close()
            """)
        #expect(report.sockets("connect", "mptcp").map(\.bytesSent) == [1])
    }
}
