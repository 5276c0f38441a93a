import Foundation
import TestSupport
import Testing

/// What MPTCP is for: more than one path for one connection, and the report that shows it.
@Suite("Two paths", .serialized, .requires(.namespaces), .requires(.mptcp))
struct TwoPathsTests {
    private let lab: TwoPaths
    private let directory: TemporaryDirectory

    init() throws {
        lab = try TwoPaths()
        directory = try TemporaryDirectory()
        chmod(directory.path, 0o755)
    }

    @Test(
        "a download uses both, and both ends' reports say so",
        .requires(.command("python3", "curl")))
    func download() throws {
        let size = 6_000_000
        try mustRun(["truncate", "-s", "\(size)", directory.file("page")])
        let server = try watched(
            "server", ["python3", "-m", "http.server", "8080"], in: lab.server)
        try server.waitUntilListening(on: 8080)
        let url = "http://\(TwoPaths.serverAddresses[0]):8080/page"
        let client = try watched(
            "client", ["curl", "--silent", "--show-error", "--fail", "-o", "copy", url],
            in: lab.client)
        let outcome = client.wait()
        #expect(outcome.end == .exited(0), "\(outcome)")
        try waitUntilConnectionsEnd(server, in: lab.server)
        server.stop()

        let connection = try #require(report("client").sockets("connect", "mptcp").first)
        let accepted = try #require(report("server").sockets("accept", "mptcp").first)
        for socket in [connection, accepted] {
            #expect((socket.subflows ?? 0) >= 2, "\(socket)")
        }
        #expect((connection.bytesReceived ?? 0) > size)
        let joined = try lab.client.counters()
        #expect((joined["MPJoinSynAckRx"] ?? 0) >= 1, "\(joined)")
    }

    @Test(
        "a transfer goes on when one path is cut", .requires(.command("socat")))
    func cut() throws {
        // 19 MB, more than what buffers hold; the second half is there after the cut only.
        try mustRun(["sh", "-c", "seq 2500000 >file"], directory: directory.path)
        let halves =
            "head -c 9500000 file; until [ -e cut ]; do sleep 0.01; done; "
            + "tail -c +9500001 file"
        // fork: without it socat stops listening after the first connection, and the kernel
        // takes further subflows only while somebody listens on their port.
        let server = try watched(
            "server", ["socat", "-u", "TCP-LISTEN:9000,fork", "CREATE:copy"], in: lab.server)
        try server.waitUntilListening(on: 9000)
        let client = try watched(
            "client",
            ["socat", "-u", "SYSTEM:\(halves)", "TCP:\(TwoPaths.serverAddresses[0]):9000"],
            in: lab.client)
        try server.require("receives over two paths") {
            (size(of: "copy") ?? 0) > 500_000
                && (try? lab.server.counters()["MPJoinAckRx"] ?? 0) ?? 0 > 0
        }
        try lab.cut(link: 0)
        try directory.write("", to: "cut")
        let outcome = client.wait(timeout: .seconds(90))
        #expect(outcome.end == .exited(0), "\(outcome)")
        poll(within: .seconds(30)) { size(of: "copy") == size(of: "file") }
        server.stop()
        try mustRun(["cmp", "file", "copy"], directory: directory.path)
        #expect(try report("client").sockets("connect").map(\.wire) == ["mptcp"])
    }

    private func watched(
        _ name: String, _ command: [String], in namespace: Namespace
    ) throws -> Background {
        try Background(
            mptcpized(command, report: directory.file(name)), directory: directory.path,
            in: namespace)
    }

    private func report(_ name: String) throws -> Report {
        try Report(file: directory.file(name))
    }

    private func size(of name: String) -> Int? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: directory.file(name))
        return attributes?[.size] as? Int
    }
}
