import Foundation
import TestSupport
import Testing

@Suite(
    "mptcpize sockets with many connections", .requires(.namespaces), .requires(.mptcp),
    .requires(.command("ss")), .requires(.command("python3")))
struct ManySocketsTests {
    private static let count = 10_000

    /// CPU seconds and KiB of the quickest of several runs.
    private func cost(_ command: [String], in namespace: Namespace) throws -> (Double, Int) {
        let measure = """
            import resource, subprocess, sys
            subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            print(used.ru_utime + used.ru_stime, used.ru_maxrss)
            """
        var best = (Double.infinity, 0)
        for _ in 0..<5 {
            let words = try mustRun(["python3", "-c", measure] + command, in: namespace)
                .split(whereSeparator: \.isWhitespace)
            best = (min(best.0, try #require(Double(words[0]))), max(best.1, Int(words[1]) ?? 0))
        }
        return best
    }

    @Test("10 000 connections: no slower than ss(8) on the same, in less than 64 MiB")
    func manyConnections() throws {
        let server = try Namespace("server")
        let client = try Namespace("client")
        try Namespace.connect(server, "10.9.0.1/24", client, "10.9.0.2/24")
        let raise = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (12000, 12000))\n"
        let listening = try Background(
            [
                "python3", "-c",
                raise
                    + """
                    import socket, time
                    l = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
                    l.bind(("", 4000)); l.listen(4096); kept = []
                    while len(kept) < \(Self.count): kept.append(l.accept()[0])
                    print("ready", flush=True); time.sleep(600)
                    """,
            ], in: server)
        try listening.waitUntilListening(on: 4000)
        let connecting = try SocketHolder.start(
            raise + "kept = [connected(s(), '10.9.0.1', 4000) for _ in range(\(Self.count))]",
            in: client)
        try listening.waitUntilItPrints("ready", timeout: .seconds(120))

        let rows = try CommandLineTool.sockets(in: server)
        #expect(rows.count == Self.count)
        #expect(rows.allSatisfy { $0["wire"] == "mptcp" && $0.rows("subflows").count == 1 })

        // ss tells what joins a subflow to its connection (token, inode) with -i and -e only.
        let other = try cost(["ss", "-Mtanpie"], in: server)
        let own = try cost([Products.mptcpize, "sockets"], in: server)
        #expect(own.0 <= other.0, "CPU seconds, ours and those of ss")
        #expect(own.1 < 64 * 1024, "KiB")
        let document = try cost([Products.mptcpize, "sockets", "--json"], in: server)
        #expect(document.1 < 64 * 1024, "KiB with --json")
        withExtendedLifetime(connecting) {}
    }
}
