import Foundation
import TestSupport
import Testing

/// Programs with the preload library, watched to their end: what the report says of
/// sockets that end in unusual ways.
@Suite("Watched programs", .requires(.mptcp), .requires(.command("python3")))
struct WatchedProgramTests {
    /// The report's document on a Python program, which finds `server`, a listening socket,
    /// and `connected()`, which makes a pair of connected ones.
    private func report(
        _ script: String, in namespace: Namespace? = nil, options: [String] = []
    ) throws -> Report {
        let directory = try TemporaryDirectory()
        let program = """
            import os, signal, socket, subprocess, sys, time
            def listener():
                result = socket.socket()
                result.bind(("127.0.0.1", 0))
                result.listen()
                return result
            def connected(server):
                client = socket.create_connection(server.getsockname())
                return client, server.accept()[0]

            """
        let outcome = try run(
            [Driver.path, "--json", "-o", directory.file("report"), "-l", Products.library()]
                + options + ["/usr/bin/python3", "-c", program + script], in: namespace)
        let data = try Data(contentsOf: URL(fileURLWithPath: directory.file("report")))
        return Report(
            document: try JSONDecoder().decode(Document.self, from: data), outcome: outcome)
    }

    private struct Document: Decodable {
        struct Socket: Decodable {
            var role: String
            var program: String
            var wire: String
            var socket: String
            var subflows: Int?
            var bytesSent: Int?
            var bytesReceived: Int?
            var refusal: [String: String]?
            var remedies: [[String: String]]

            enum CodingKeys: String, CodingKey {
                case role, program, wire, socket, subflows, refusal, remedies
                case bytesSent = "bytes_sent"
                case bytesReceived = "bytes_received"
            }
        }
        var sockets: [Socket]
        var summary: [String: Int]
    }

    private struct Report {
        var document: Document
        var outcome: Outcome
        var sockets: [Document.Socket] { document.sockets }
        /// "role wire" of each socket.
        var kinds: [String] { sockets.map { "\($0.role) \($0.wire)" } }
    }

    @Test("both ends of a transfer over MPTCP, to the byte")
    func transfer() throws {
        let report = try report(
            """
            server = listener()
            client, peer = connected(server)
            client.sendall(b"x" * 70000)
            client.shutdown(socket.SHUT_WR)
            while peer.recv(65536): pass
            peer.sendall(b"y" * 10)
            client.recv(10)
            """)
        #expect(report.kinds == ["listen listening", "connect mptcp", "accept mptcp"])
        #expect(report.sockets[1].bytesSent == 70000)
        #expect(report.sockets[1].bytesReceived == 10)
        #expect(report.sockets[2].bytesReceived == 70000)
        #expect(report.sockets.dropFirst().allSatisfy { $0.subflows == 1 })
        #expect(report.document.summary["requested"] == 2)
        #expect(report.document.summary["events_dropped"] == 0)
    }

    @Test("a server that speaks TCP: the connection fell back; a TCP client: accepted as TCP")
    func fallback() throws {
        let report = try report(
            """
            plain = socket.socket(proto=socket.IPPROTO_TCP)
            without = dict(os.environ); without.pop("LD_PRELOAD")
            tcp = subprocess.Popen([sys.executable, "-c", '''
            import socket
            s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
            print(s.getsockname()[1], flush=True)
            c = s.accept()[0]; c.recv(1)
            socket.create_connection(("127.0.0.1", int(input()))).recv(1)
            '''], env=without, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            client = socket.create_connection(("127.0.0.1", int(tcp.stdout.readline())))
            client.send(b"x")
            server = listener()
            tcp.stdin.write(f"{server.getsockname()[1]}\\n"); tcp.stdin.flush()
            server.accept()[0].send(b"y")
            tcp.wait()
            """)
        #expect(
            report.kinds == [
                "none unconnected", "connect fallback", "listen listening", "accept tcp",
            ])
    }

    @Test("MPTCP switched off is named as the reason", .requires(.namespaces))
    func switchedOff() throws {
        let namespace = try Namespace("off")
        try mustRun(["sysctl", "-qw", "net.mptcp.enabled=0"], in: namespace)
        let report = try report("socket.socket()", in: namespace)
        #expect(report.kinds == ["none unconnected"])
        #expect(report.sockets[0].socket == "tcp")
        #expect(report.sockets[0].refusal?["errno"] == "ENOPROTOOPT")
        #expect(
            report.sockets[0].refusal?["reason"] == "MPTCP is off here (net.mptcp.enabled=0)")
    }

    @Test("a program that is killed leaves its connections unknown, not its listeners")
    func killed() throws {
        let report = try report(
            "server = listener(); pair = connected(server); os.kill(os.getpid(), signal.SIGKILL)")
        #expect(report.outcome.end == .signalled(SIGKILL))
        #expect(report.kinds == ["listen listening", "connect unknown", "accept unknown"])
    }

    @Test("what a daemon left open is asked of it")
    func daemon() throws {
        let report = try report(
            """
            server = listener(); client, peer = connected(server); client.send(b"abc"); peer.recv(3)
            if os.fork(): os._exit(0)
            os.setsid(); time.sleep(20)
            """)
        #expect(report.kinds == ["listen listening", "connect mptcp", "accept mptcp"])
        #expect(report.sockets[1].bytesSent == 3)
    }

    @Test("a connection handed to a child that is killed is unknown; one that it closes is not")
    func children() throws {
        let report = try report(
            """
            server = listener()
            for end in ("exit", "kill"):
                client, peer = connected(server)
                child = os.fork()
                if child == 0:
                    client.close(); server.close()
                    peer.send(b"12345")
                    if end == "kill": signal.pause()
                    os._exit(0)
                peer.close()
                if end == "kill":
                    # What -d says of this one tells that the close has been read, the child alive.
                    socket.socket().setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 33)
                    while b"IP_TTL" not in os.pread(2, 1 << 20, 0): time.sleep(0.01)
                    os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                client.close()
            """, options: ["-d"])
        #expect(
            report.kinds == [
                "listen listening", "connect mptcp", "accept mptcp", "connect mptcp",
                "accept unknown", "none unconnected",
            ])
        #expect(report.sockets[2].bytesSent == 5)
    }

    @Test("sockets that go by dup2, exec and exit, and those that an exec hands on")
    func unusualEnds() throws {
        let report = try report(
            """
            server = listener()
            replaced, kept = connected(server)
            os.dup2(os.open("/dev/null", 0), replaced.fileno())
            handed, closed = connected(server)
            handed.set_inheritable(True)
            os.execv(sys.executable, [sys.executable, "-c",
                f"import socket; socket.socket(fileno={handed.fileno()}).send(b'1234567')"])
            """)
        #expect(
            report.kinds == [
                "listen listening", "connect mptcp", "accept mptcp", "connect mptcp",
                "accept mptcp",
            ])
        #expect(report.sockets[3].bytesSent == 7)
    }

    @Test("an option that only TCP has makes the socket TCP, and the report says why")
    func demoted() throws {
        let report = try report(
            """
            server = listener()
            client = socket.socket()
            client.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 33)
            client.connect(server.getsockname())
            peer = server.accept()[0]
            """)
        #expect(report.kinds == ["listen listening", "connect tcp", "accept tcp"])
        #expect(report.sockets[1].socket == "tcp")
        #expect(report.sockets[1].remedies.first?["option"] == "IP_TTL")
        #expect(report.sockets[1].remedies.first?["remedy"] == "demote")
    }

    @Test("a program that changes its root and user and then starts another", .requires(.root))
    func unprivileged() throws {
        let report = try report(
            """
            if os.fork() == 0:
                os.setgid(65534); os.setuid(65534)
                os.execv(sys.executable, [sys.executable, "-c", "import socket; socket.socket()"])
            os.wait()
            os.closerange(3, 256)
            os.chroot("/var"); os.chdir("/"); os.setuid(65534)
            listener()
            """)
        #expect(report.kinds == ["none unconnected", "listen listening"])
    }

    @Test("a program that executes itself anew is named by its file")
    func executedAnew() throws {
        let report = try report(
            """
            os.execv("/proc/self/exe", ["python3", "-c", "import socket; socket.socket()"])
            """)
        // Where it has ended before it was asked, by the name that it was executed by first.
        let file = URL(fileURLWithPath: "/usr/bin/python3").resolvingSymlinksInPath()
        let names = report.document.sockets.map(\.program)
        #expect([[file.lastPathComponent], ["python3"]].contains(names), "\(names)")
    }

    @Test("thousands of sockets, from several processes at once")
    func thousands() throws {
        let report = try report(
            """
            for _ in range(4):
                if os.fork() == 0:
                    for _ in range(4000): socket.socket().close()
                    os._exit(0)
            for _ in range(4): os.wait()
            """)
        // Two records each: no more than the ring holds, however busy the machine is.
        #expect(report.document.summary["requested"] == 16_000)
        #expect(report.document.summary["unconnected"] == 16_000)
        #expect(report.document.summary["events_dropped"] == 0)
    }

    @Test("-d says what happens while it happens, and nothing on the program's own streams")
    func debug() throws {
        let script = "import socket; s = socket.socket(); print('mine', flush=True); input()"
        let program = try Background([
            "/bin/sh", "-c", "sleep 30 | \"$@\"", "sh", Driver.path, "-d", "-l",
            Products.library(), "/usr/bin/python3", "-c", script,
        ])
        try program.waitUntilItPrints("MPTCP socket\n")
        #expect(program.isRunning)
        program.stop()
        let seen = try run(
            [Driver.path, "-d", "-l", Products.library(), "/usr/bin/python3", "-c", script],
            input: "\n")
        #expect(seen.output == "mine\n")
        #expect(seen.errors.contains(/^mptcpize: python3\[\d+\] fd \d+: MPTCP socket\n/))
    }
}
