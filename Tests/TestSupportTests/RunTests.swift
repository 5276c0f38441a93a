import Foundation
import TestSupport
import Testing

/// The other suites trust these helpers: a helper that sees nothing makes any test pass.
@Suite("Running commands")
struct RunTests {
    @Test("status, signal, both streams and the input are told apart")
    func outcome() throws {
        let outcome = try run(["sh", "-c", "cat; echo oops >&2; exit 3"], input: "in")
        #expect(outcome.end == .exited(3))
        #expect(outcome.output == "in")
        #expect(outcome.errors == "oops\n")
        #expect(try run(["sh", "-c", "kill -TERM $$"]).end == .signalled(SIGTERM))
        #expect(try run(["sh", "-c", "exit 143"]).end == .exited(143))
    }

    @Test("a command that takes too long is killed with its children")
    func timeout() throws {
        let directory = try TemporaryDirectory()
        let process = try Background(
            ["sh", "-c", "sleep 100 & echo $! > child; echo started; wait"],
            directory: directory.path)
        try process.waitUntilItPrints("started")
        let outcome = process.wait(timeout: .milliseconds(1))
        #expect(outcome.end == .timedOut)
        let child = try String(contentsOfFile: directory.file("child"), encoding: .utf8)
        let pid = try #require(pid_t(child.trimmingCharacters(in: .newlines)))
        // It may stay a zombie until its new parent reaps it.
        let ended = poll(within: .seconds(5)) {
            let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
            return stat?.contains(") Z ") ?? true
        }
        #expect(ended)
    }

    @Test("a daemon that keeps the output open keeps nobody waiting")
    func daemon() throws {
        let outcome = try run(["sh", "-c", "sleep 100 & echo $!"], timeout: .seconds(5))
        #expect(outcome.succeeded)
        kill(try #require(pid_t(outcome.output.trimmingCharacters(in: .newlines))), SIGKILL)
    }

    @Test("nothing that steers loaders reaches the program unasked")
    func environment() throws {
        setenv("LD_PRELOAD_FOR_NOBODY", "1", 1)
        defer { unsetenv("LD_PRELOAD_FOR_NOBODY") }
        let output = try mustRun(["env"], environment: ["A": "b c", "HOME": nil])
        #expect(output.contains("A=b c\n"))
        #expect(!output.contains("LD_"))
        #expect(!output.split(separator: "\n").contains { $0.hasPrefix("HOME=") })
    }

    @Test("a process that ends before it is ready is an error at once")
    func neverReady() throws {
        let process = try Background(["sh", "-c", "echo no >&2; exit 1"])
        #expect(throws: NeverHappened.self) { try process.waitUntilListening(on: 1) }
    }

    @Test("a server's port is seen when it listens")
    func listening() throws {
        let (server, port) = try Self.listener()
        try server.waitUntilListening(on: port)
        #expect(server.stop().end == .signalled(SIGTERM))
    }

    @Test(
        "a port of the test's own network namespace is not the server's",
        .requires(.namespaces))
    func listeningElsewhere() throws {
        let (outside, port) = try Self.listener()
        let inside = try Background(["sleep", "100"], in: Namespace())
        #expect(throws: NeverHappened.self) {
            try inside.waitUntilListening(on: port, timeout: .milliseconds(300))
        }
        #expect(outside.isRunning)
    }

    /// A server on loopback, and its port.
    private static func listener() throws -> (server: Background, port: Int) {
        let program = """
            my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1:0") or die $!;
            $| = 1; print $s->sockport, " up"; sleep 100;
            """
        let server = try Background(["perl", "-MIO::Socket::INET", "-e", program])
        try server.waitUntilItPrints(" up")
        return (server, try #require(server.output.split(separator: " ").first.flatMap { Int($0) }))
    }
}
