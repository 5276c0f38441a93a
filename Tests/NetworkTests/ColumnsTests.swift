import Foundation
import TestSupport
import Testing

/// What ss(8) says of the MPTCP and TCP sockets of a namespace: a line each.
struct SocketStatistics {
    let lines: [String]

    init(in namespace: Namespace) throws {
        lines = try mustRun(["ss", "-HMtanpie"], in: namespace)
            .replacingOccurrences(of: "\n\t", with: " ")
            .split(separator: "\n").map { String($0).replacing(/%\w+:/, with: ":") }
    }

    /// The line of a subflow, or of a connection with the protocol "mptcp".
    func line(of row: Row, protocol name: String = "tcp") throws -> String {
        let (local, remote) = (try #require(row["local"]), try #require(row["remote"]))
        return try #require(
            lines.first {
                $0.hasPrefix(name) && $0.contains(" \(local) ") && $0.contains(" \(remote) ")
            }, "\(local) \(remote) \(lines)")
    }

    /// The number after "name:"; 0 where ss leaves it out.
    static func number(_ name: String, in line: String) throws -> Double {
        let match = try Regex("\\b\(name):([0-9.]+)", as: (Substring, Substring).self)
        return line.firstMatch(of: match).flatMap { Double($0.1) } ?? 0
    }

    /// Segments sent again: "retrans:0/3".
    static func retransmits(in line: String) -> Int {
        line.firstMatch(of: /retrans:\d+\/(\d+)/).flatMap { Int($0.1) } ?? 0
    }
}

@Suite(
    "Columns of mptcpize sockets", .requires(.namespaces), .requires(.mptcp),
    .requires(.command("ss")), .requires(.command("python3")))
struct ColumnsTests {
    /// A connection over two paths: 3000 bytes from the client and 2000 back, then 500 that
    /// nobody reads, and, once the file "go" is there, 200 000 more.
    private struct Conversation {
        let directory = try! TemporaryDirectory()
        let server: Background
        let client: Background
        /// When the last byte that was waited for had not been sent yet.
        let begin = ContinuousClock.now

        init(_ paths: TwoPaths, ipv6: Bool) throws {
            let family = ipv6 ? "socket.AF_INET6" : "socket.AF_INET"
            server = try Background(
                [
                    "python3", "-c",
                    """
                    import os, socket, time
                    l = socket.socket(\(family), socket.SOCK_STREAM, 262)
                    l.bind(("", 4000)); l.listen(5)
                    a, _ = l.accept()
                    def read(count):
                        while count > 0: count -= len(a.recv(min(count, 65536)))
                    read(3000)
                    a.sendall(b"z" * 2000)
                    while not os.path.exists("\(directory.file("go"))"): time.sleep(0.01)
                    read(200500)
                    print("all of it", flush=True); time.sleep(600)
                    """,
                ], in: paths.server)
            try server.waitUntilListening(on: 4000)
            let address = ipv6 ? "fd77:1::2" : TwoPaths.serverAddresses[0]
            client = try SocketHolder.start(
                """
                import os, threading
                c = connected(s(\(family)), "\(address)", 4000)
                c.sendall(b"y" * 3000)
                n = 0
                while n < 2000: n += len(c.recv(65536))
                c.sendall(b"y" * 500)
                def more():
                    while not os.path.exists("\(directory.file("go"))"): time.sleep(0.01)
                    c.sendall(b"y" * 200000)
                threading.Thread(target=more).start()
                """, in: paths.client)
            // From then on nothing happens any more: two looks, one after the other, see the same.
            try client.require("both paths on both sides, and nothing on the way") {
                [paths.client, paths.server].allSatisfy { host in
                    let rows = try? CommandLineTool.sockets(in: host)
                    let subflows = rows?.first?.rows("subflows") ?? []
                    let isUp = subflows.allSatisfy { $0.flag("established") == true }
                    let lines = (try? SocketStatistics(in: host))?.lines
                    let isQuiet = lines?.contains { $0.contains(" unacked:") } == false
                    return isUp && isQuiet && subflows.count == 2
                }
            }
        }
    }

    @Test(
        "queues, bytes, retransmissions, round-trip times: as ss(8) has them",
        arguments: [false, true])
    func numbers(ipv6: Bool) throws {
        let paths = try TwoPaths(additionalSubflows: 1)
        let conversation = try Conversation(paths, ipv6: ipv6)
        for (host, sent, received, unread) in [
            (paths.client, 3500, 2000, 0), (paths.server, 2000, 3500, 500),
        ] {
            let row = try #require(try CommandLineTool.sockets(in: host).first)
            let statistics = try SocketStatistics(in: host)
            #expect(row["wire"] == "mptcp" && row["state"] == "ESTAB")
            #expect(row.number("bytes_sent") == sent)
            #expect(row.number("bytes_received") == received)
            let line = try statistics.line(of: row, protocol: "mptcp")
            // "mptcp ESTAB RECV-Q SEND-Q LOCAL REMOTE …"
            let words = line.split(separator: " ")
            #expect(row.number("receive_queue") == Int(words[2]))
            #expect((Int(words[2]) ?? 0 >= unread) && (words[2] == "0") == (unread == 0))
            #expect(row.number("send_queue") == Int(words[3]))
            let extra = try SocketStatistics.number("subflows", in: line)
            #expect(row.number("paths") == Int(extra) + 1)
            let subflows = row.rows("subflows")
            #expect(subflows.count == row.number("paths"))
            for subflow in subflows {
                let line = try statistics.line(of: subflow)
                func number(_ name: String) throws -> Double {
                    try SocketStatistics.number(name, in: line)
                }
                #expect(subflow["state"] == "ESTAB" && line.contains(" ESTAB "))
                #expect(
                    subflow.number("bytes_sent")
                        == Int(try number("bytes_sent") - number("bytes_retrans")))
                #expect(subflow.number("bytes_received") == Int(try number("bytes_received")))
                #expect(subflow.number("retransmits") == SocketStatistics.retransmits(in: line))
                let rtt = try number("rtt") * 1000
                #expect(abs(Double(subflow.number("rtt_us") ?? 0) - rtt) <= max(1, rtt / 1000))
                #expect(subflow.flag("backup") == false)
            }
            // Subflows add up to what the connection carried.
            #expect(subflows.reduce(0) { $0 + ($1.number("bytes_received") ?? 0) } >= received)
        }
        withExtendedLifetime(conversation) {}
    }

    @Test("address identifiers are those of ip-mptcp(8)'s endpoints")
    func identifiers() throws {
        let paths = try TwoPaths(additionalSubflows: 1)
        let conversation = try Conversation(paths, ipv6: false)
        // "10.77.2.1 id 1 subflow dev eth1"
        let shown = try paths.client.ip("mptcp", "endpoint", "show")
        let line = try #require(
            shown.split(separator: "\n").first { $0.hasPrefix("\(TwoPaths.clientAddresses[1]) ") })
        let id = try #require(line.firstMatch(of: #/ id (\d+) /#).flatMap { Int($0.1) })
        let row = try #require(try CommandLineTool.sockets(in: paths.client).first)
        for subflow in row.rows("subflows") {
            let isSecond = subflow["local"]?.hasPrefix("\(TwoPaths.clientAddresses[1]):") ?? false
            #expect(subflow.number("local_id") == (isSecond ? id : 0))
            #expect(subflow.flag("joined") == isSecond || subflow.number("remote_id") != 0)
        }
        withExtendedLifetime(conversation) {}
    }

    @Test("idle time: since the program's last byte")
    func idle() throws {
        let paths = try TwoPaths(additionalSubflows: 1)
        let clock = ContinuousClock()
        let before = clock.now
        let conversation = try Conversation(paths, ipv6: false)
        let after = clock.now
        usleep(300_000)
        let least = clock.now - after
        let row = try #require(try CommandLineTool.sockets(in: paths.client).first)
        let idle = Duration.milliseconds(try #require(row.number("idle_ms")))
        // The kernel counts in ticks, of 10 ms at most.
        #expect(idle >= least - .milliseconds(10) && idle <= clock.now - before)
        withExtendedLifetime(conversation) {}
    }

    @Test("a second link that dies under way: all data comes, and what was sent again is counted")
    func dyingLink() throws {
        let paths = try TwoPaths(additionalSubflows: 1)
        let conversation = try Conversation(paths, ipv6: false)
        try paths.cut(link: 1)
        try conversation.directory.write("", to: "go")
        try conversation.server.waitUntilItPrints("all of it", timeout: .seconds(60))
        let row = try #require(try CommandLineTool.sockets(in: paths.server).first)
        #expect(row["wire"] == "mptcp")
        #expect(row.number("bytes_received") == 203_500)
        // Nothing more is to be sent on the server's side: its numbers stand still.
        let statistics = try SocketStatistics(in: paths.server)
        let again = try row.rows("subflows").reduce(0) {
            $0 + SocketStatistics.retransmits(in: try statistics.line(of: $1))
        }
        #expect(row.number("retransmits") == again)
        // The client tries the dead link again and again.
        try conversation.client.require("segments sent again on the dead link") {
            let row = try? CommandLineTool.sockets(in: paths.client).first
            return (row?.number("retransmits") ?? 0) > 0
        }
        let client = try #require(try CommandLineTool.sockets(in: paths.client).first)
        #expect(client.number("bytes_sent") == 203_500)
    }

    @Test("by cgroup, as /proc/PID/cgroup names it, with and without the mount point")
    func cgroup() throws {
        let namespace = try Namespace("cgroup")
        let holder = try SocketHolder.start("l = listening(s(), 4555, '127.0.0.1')", in: namespace)
        let line = try String(contentsOfFile: "/proc/\(holder.pid)/cgroup", encoding: .utf8)
            .split(separator: "\n").first { $0.hasPrefix("0::") }
        let path = String(try #require(line).dropFirst(3))
        for argument in [path, "/sys/fs/cgroup\(path)"] {
            let rows = try CommandLineTool.sockets(
                "--listening", "--cgroup", argument, in: namespace)
            // Others of this cgroup may be in other network namespaces.
            let own = rows.filter { $0["netns"] == nil }
            #expect(own.map { $0["local"] } == ["127.0.0.1:4555"], "\(argument)")
        }
    }

    @Test("processes in another network namespace: looked into, and named")
    func elsewhere() throws {
        let namespace = try Namespace("elsewhere")
        let other = try Namespace("here")
        let holder = try SocketHolder.start("l = listening(s(), 4556, '127.0.0.1')", in: namespace)
        let rows = try CommandLineTool.sockets(
            "--listening", "--pid", "\(holder.pid)", in: other)
        #expect(rows.map { $0["local"] } == ["127.0.0.1:4556"])
        #expect(rows.map { $0["netns"] } == [namespace.name])
        let named = try CommandLineTool.run(
            "sockets", "--listening", "--pid", "\(holder.pid)", in: other)
        #expect(named.output.contains("Looked into the network namespace \(namespace.name).\n"))
        // Asked for another one, that one only is looked into.
        let asked = try CommandLineTool.sockets(
            "--listening", "--pid", "\(holder.pid)", "--netns", other.name, in: other)
        #expect(asked.isEmpty)
    }
}
