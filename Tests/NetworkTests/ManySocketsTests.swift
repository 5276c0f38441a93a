import Foundation
import TestSupport
import Testing

@Suite(
    "mptcpize sockets with many connections", .requires(.namespaces), .requires(.mptcp),
    .requires(.command("ss", "strace", "valgrind")), .requires(.command("python3")))
struct ManySocketsTests {
    private static let count = 10_000

    /// What a command takes: instructions of its own, system calls, KiB at most, and, which
    /// decides nothing, seconds of CPU time.
    private struct Cost: CustomStringConvertible {
        let instructions: Int
        let systemCalls: Int
        let memory: Int
        let seconds: Double

        var description: String {
            "\(instructions) instructions, \(systemCalls) system calls, \(memory) KiB, \(seconds) s"
        }
    }

    private func cost(_ command: [String], in namespace: Namespace) throws -> Cost {
        let measure = """
            import resource, subprocess, sys
            subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            print(used.ru_utime + used.ru_stime, used.ru_maxrss)
            """
        let used = try mustRun(["python3", "-c", measure] + command, in: namespace)
            .split(whereSeparator: \.isWhitespace)
        let file = try TemporaryDirectory()
        try mustRun(["strace", "-f", "-c", "-o", file.file("calls")] + command, in: namespace)
        let calls = try String(contentsOfFile: file.file("calls"), encoding: .utf8)
        // "100.00    0.186840           8     22164       528 total"
        let total = calls.split(separator: "\n").last { $0.hasSuffix(" total") }?
            .split(separator: " ")
        let counted = try run(
            [
                "valgrind", "--tool=callgrind", "--trace-children=yes",
                "--callgrind-out-file=/dev/null",
            ] + command,
            in: namespace, timeout: .seconds(300))
        // The whole command's, if another program has started it.
        let collected = counted.errors.split(separator: "\n").last { $0.contains("Collected") }
        return Cost(
            instructions: try #require(collected?.split(separator: " ").last.flatMap { Int($0) }),
            systemCalls: try #require(total.flatMap { Int($0[3]) }),
            memory: try #require(Int(used[1])), seconds: try #require(Double(used[0])))
    }

    @Test("10 000 connections: no more work than ss(8) has with them, in less than 64 MiB")
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
        print("ours: \(own); ss -Mtanpie: \(other)")
        #expect(own.instructions <= other.instructions)
        #expect(own.systemCalls <= other.systemCalls)
        #expect(own.memory < 64 * 1024, "KiB")
        let document = try cost([Products.mptcpize, "sockets", "--json"], in: server)
        print("as JSON: \(document)")
        #expect(document.instructions <= other.instructions)
        #expect(document.systemCalls <= other.systemCalls)
        #expect(document.memory < 64 * 1024, "KiB with --json")
        let metrics = try cost([Products.mptcpize, "metrics"], in: server)
        print("as metrics: \(metrics)")
        #expect(metrics.instructions <= other.instructions)
        #expect(metrics.systemCalls <= other.systemCalls)
        #expect(metrics.memory < 50 * 1024, "KiB of metrics")
        withExtendedLifetime(connecting) {}
    }
}
