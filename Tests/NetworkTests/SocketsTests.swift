import Foundation
import TestSupport
import Testing

@Suite(
    "mptcpize sockets", .requires(.namespaces), .requires(.mptcp), .requires(.command("ss")),
    .requires(.command("python3")))
struct SocketsTests {
    /// A connection over two paths, with 3000 bytes from the client and 2000 back.
    private struct Conversation {
        let server: Background
        let client: Background

        init(_ paths: TwoPaths) throws {
            server = try Background(
                [
                    "python3", "-c",
                    """
                    import socket, time
                    l = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
                    l.bind(("", 4000)); l.listen(5)
                    a, _ = l.accept()
                    n = 0
                    while n < 3000: n += len(a.recv(65536))
                    a.sendall(b"z" * 2000)
                    print("served", flush=True); time.sleep(600)
                    """,
                ], in: paths.server)
            try server.waitUntilListening(on: 4000)
            client = try SocketHolder.start(
                """
                c = connected(s(), "\(TwoPaths.serverAddresses[0])", 4000)
                c.sendall(b"y" * 3000)
                n = 0
                while n < 2000: n += len(c.recv(65536))
                """, in: paths.client)
        }
    }

    @Test("a connection over two paths, each column as ss(8) and the program know it")
    func twoPaths() throws {
        // One more subflow and no more: a third could come up between two looks.
        let paths = try TwoPaths(additionalSubflows: 1)
        let conversation = try Conversation(paths)
        try conversation.client.require("two paths") {
            let row = try? CommandLineTool.sockets(in: paths.client).first
            return row?.rows("subflows").count { $0.flag("established") == true } == 2
        }
        let rows = try CommandLineTool.sockets(in: paths.client)
        let row = try #require(rows.first)
        #expect(rows.count == 1)
        #expect(row["wire"] == "mptcp")
        #expect(row["state"] == "ESTAB")
        #expect(row.number("bytes_sent") == 3000)
        #expect(row.number("bytes_received") == 2000)
        #expect(row.rows("processes").first?.number("pid") == Int(conversation.client.pid))
        #expect(row.rows("processes").first?["program"] == "python3")
        #expect(row.rows("subflows").count == row.number("paths"))
        let locals = row.rows("subflows").compactMap { $0["local"]?.split(separator: ":").first }
        #expect(Set(locals.map(String.init)) == Set(TwoPaths.clientAddresses))
        #expect(row.rows("subflows").first?.flag("joined") == false)
        #expect(row.rows("subflows").dropFirst().allSatisfy { $0.flag("joined") == true })

        let ss = try mustRun(["ss", "-HMtanpie"], in: paths.client)
        let connection = try #require(
            ss.replacingOccurrences(of: "\n\t", with: " ").split(separator: "\n")
                .first { $0.hasPrefix("mptcp") })
        let token = try #require(row.number("token"))
        #expect(connection.contains("token:\(String(token, radix: 16)) "))
        #expect(connection.contains("ino:\(try #require(row.number("inode"))) "))
        #expect(connection.contains("sk:\(String(try #require(row.number("cookie")), radix: 16)) "))
        #expect(connection.contains(" \(try #require(row["local"])) "))
        #expect(connection.contains(" \(try #require(row["remote"])) "))
        #expect(connection.contains("pid=\(conversation.client.pid),"))
        for subflow in row.rows("subflows") {
            let line = ss.replacingOccurrences(of: "\n\t", with: " ").split(separator: "\n")
                .first { line in
                    line.hasPrefix("tcp") && line.contains("token:")
                        && line.replacing(/%\w+:/, with: ":").contains(subflow["local"]! + " ")
                }
            let tcp = try #require(line)
            #expect(tcp.contains("(id:\(subflow.number("local_id")!))"))
            #expect(tcp.contains("/\(String(token, radix: 16))(id:"))
        }

        let text = try mustRun([Products.mptcpize, "sockets", "-v"], in: paths.client)
        #expect(text.contains("3.0 kB"))
        #expect(text.contains("joined"))
        #expect(text.contains("1 connection: 1 MPTCP (1 over several paths)."))
    }

    @Test("a backup endpoint: who asked for it, on both sides")
    func backup() throws {
        let paths = try TwoPaths()
        try paths.server.ip("mptcp", "endpoint", "flush")
        try paths.client.ip("mptcp", "endpoint", "flush")
        try paths.client.ip(
            "mptcp", "endpoint", "add", TwoPaths.clientAddresses[1], "dev", "eth1", "subflow",
            "backup", "id", "7")
        let conversation = try Conversation(paths)
        try conversation.client.require("a backup path") {
            let rows = try? CommandLineTool.sockets(in: paths.client)
            return rows?.first?.rows("subflows").contains { $0.flag("backup") == true } ?? false
        }
        let client = try mustRun([Products.mptcpize, "sockets", "-v"], in: paths.client)
        #expect(client.contains("id 7:0, backup: this end asked for it"), "\(client)")
        let server = try mustRun([Products.mptcpize, "sockets", "-v"], in: paths.server)
        #expect(server.contains("id 0:7, backup: the peer asked for it"), "\(server)")
    }

    @Test("a dead second link leaves one path, which still carries")
    func deadLink() throws {
        let paths = try TwoPaths()
        try paths.cut(link: 1)
        let conversation = try Conversation(paths)
        let row = try #require(try CommandLineTool.sockets(in: paths.client).first)
        #expect(row["wire"] == "mptcp")
        #expect(row.number("bytes_received") == 2000)
        #expect(row.rows("subflows").count { $0.flag("established") == true } == 1)
        withExtendedLifetime(conversation) {}
    }

    @Test("a path that never comes up is none, however long it is tried")
    func joining() throws {
        let paths = try TwoPaths()
        // What is sent over the second link is for nobody there.
        for address in TwoPaths.serverAddresses {
            try paths.client.ip(
                "neighbour", "replace", address, "lladdr", "02:00:00:00:00:99", "dev", "eth1",
                "nud", "permanent")
        }
        let conversation = try Conversation(paths)
        var row: Row?
        try conversation.client.require("tries to join") {
            row = try? CommandLineTool.sockets(in: paths.client).first
            return row?.rows("subflows").contains { $0["state"] == "SYN-SENT" } ?? false
        }
        #expect(row?.number("paths") == 1)
        let text = try mustRun([Products.mptcpize, "sockets", "-v"], in: paths.client)
        // "├ joining joined LOCAL REMOTE 0 B 0 B RETRANS IDLE rtt …"
        let joining = try #require(text.split(separator: "\n").first { $0.contains(" joining ") })
        #expect(joining.contains(#/ 0 B +0 B +[0-9]+ +- rtt /#), "\(text)")
        #expect(text.contains("1 connection: 1 MPTCP."), "\(text)")
        let probe = try CommandLineTool.findings("--probe", "10.77.1.2:4000", in: paths.client)
        #expect(probe.first?["text"] == "speaks MPTCP; 1 path within a second", "\(probe)")
    }

    @Test("connections that did not even ask for MPTCP, since a blackhole was found: fallback")
    func blackhole() throws {
        let namespace = try Namespace("hole")
        let hole = try Background(
            ["python3", Repository.path("Tests/Fixtures/mptcp_blackhole.py")], in: namespace)
        try hole.waitUntilItPrints("ready")
        let holder = try SocketHolder.start(
            "k = [connected(s(), '10.8.0.2', port) for port in (80, 81)]", in: namespace)
        #expect(try namespace.counters()["MPCapableSYNTXDisabled"] ?? 0 > 0)
        let rows = try CommandLineTool.sockets(in: namespace)
        #expect(rows.map { $0["wire"] } == ["fallback", "fallback"], "\(rows)")
        #expect(rows.allSatisfy { $0["state"] == "ESTAB" && $0.number("paths") == 1 })
        withExtendedLifetime((hole, holder)) {}
    }

    @Test("no name that a program gave itself reaches the terminal as an order")
    func hostileNames() throws {
        let namespace = try Namespace("names")
        // ESC ]0; BEL sets the title; U+009B is CSI in one character; U+202E turns the line.
        let holder = try SocketHolder.start(
            """
            name = b"\\x1b]0;\\x07\\xc2\\x9b2J\\n\\xe2\\x80\\xae"
            open("/proc/self/comm", "wb").write(name)
            l = listening(s(), 4555, "127.0.0.1"); c = connected(s(), "127.0.0.1", 4555)
            """, in: namespace)
        let plain = try CommandLineTool.run("sockets", "--all", in: namespace)
        #expect(plain.output.contains(#"\x1b]0;\x07\x9b2J\n\u{202e}("#), "\(plain)")
        let watched = try run(
            ["sh", "-c", "\"$0\" sockets --watch 0.1 | head -n 3", Products.mptcpize], in: namespace
        )
        let document = try CommandLineTool.run("sockets", "--json", in: namespace)
        for outcome in [plain, watched, document] {
            let orders = outcome.output.unicodeScalars.filter {
                $0.properties.generalCategory == .control && $0 != "\n"
            }
            #expect(orders.isEmpty, "\(outcome)")
        }
        let rows = try CommandLineTool.sockets(in: namespace)
        let name = rows.flatMap { $0.rows("processes") }.first?["program"]
        #expect(name == "\u{1B}]0;\u{7}\u{9B}2J\n\u{202E}", "the document has the name itself")
        withExtendedLifetime(holder) {}
    }

    @Test("fallback, listeners, IPv6, and which of them are listed")
    func kinds() throws {
        let namespace = try Namespace("kinds")
        let holder = try SocketHolder.start(
            """
            l = listening(s(), 4555, "127.0.0.1"); l6 = listening(s(socket.AF_INET6), 4666, "::1")
            p = listening(t(), 4556, "127.0.0.1")
            c = connected(s(), "127.0.0.1", 4555); a, _ = l.accept()
            f = connected(s(), "127.0.0.1", 4556); b, _ = p.accept()
            d = connected(s(socket.AF_INET6), "::1", 4666); e, _ = l6.accept()
            f.sendall(b"x" * 700); b.recv(700); d.sendall(b"x" * 10); e.recv(10)
            """, in: namespace)
        func wires(_ rows: [Row]) -> [String] { rows.compactMap { $0["wire"] }.sorted() }

        let connections = try CommandLineTool.sockets(in: namespace)
        #expect(wires(connections) == ["fallback", "mptcp", "mptcp", "mptcp", "mptcp"])
        let fallback = try #require(connections.first { $0["wire"] == "fallback" })
        #expect(fallback["remote"] == "127.0.0.1:4556")
        #expect(fallback.number("bytes_sent") == 700)
        #expect(fallback.number("paths") == 1)
        #expect(connections.contains { $0["remote"] == "[::1]:4666" && $0["wire"] == "mptcp" })

        let listeners = try CommandLineTool.sockets("--listening", in: namespace)
        #expect(listeners.compactMap { $0["local"] } == ["127.0.0.1:4555", "[::1]:4666"])
        #expect(try CommandLineTool.sockets("--all", in: namespace).count == 7)

        #expect(try CommandLineTool.sockets("--pid", "\(holder.pid)", in: namespace).count == 5)
        #expect(try CommandLineTool.sockets("--pid", "\(getpid())", in: namespace).isEmpty)
        #expect(try CommandLineTool.sockets("--program", "python3", in: namespace).count >= 5)
    }

    @Test("plain TCP sockets of a program under mptcpize, and why they are")
    func underUs() throws {
        let namespace = try Namespace("under")
        let (server, client) = try SocketHolder.acceptOne(
            on: 4555, environment: ["LD_PRELOAD": Products.library()], in: namespace)
        let rows = try CommandLineTool.sockets("--all", "--pid", "\(server.pid)", in: namespace)
        #expect(rows.first?["wire"] == "listening")
        let accepted = try #require(rows.first { $0["wire"] == "tcp" })
        #expect(accepted["reason"] == "accepted from a TCP client")
        #expect(accepted["local"] == "127.0.0.1:4555")
        // The client does not run under mptcpize: its plain TCP socket is nobody's concern.
        #expect(try CommandLineTool.sockets("--pid", "\(client.pid)", in: namespace).isEmpty)
    }

    @Test("plain TCP sockets of a program with rules, each with the rule that made it TCP")
    func ruled() throws {
        let namespace = try Namespace("ruled")
        // Two listeners with a client each. Rules make the first of them TCP, and its client.
        let holder = try SocketHolder.start(
            """
            a, b = listening(t(), 4601, "127.0.0.1"), listening(t(), 4602)
            c, d = connected(t(), "127.0.0.1", 4601), connected(t(), "127.0.0.1", 4602)
            e, f = a.accept(), b.accept()
            """,
            under: [
                "--rule", "tcp listen 127.0.0.1 4601", "--rule", "tcp connect loopback 4601",
            ], in: namespace)
        let rows = try CommandLineTool.sockets("--all", "--pid", "\(holder.pid)", in: namespace)
        let ruled = rows.filter { $0["wire"] == "tcp" }.map { row in
            let isOutgoing = row["remote"]?.hasSuffix(":4601") ?? false
            return "\(row["state"]!) \(isOutgoing ? "to" : "at") \(row["reason"]!)"
        }.sorted()
        #expect(
            ruled == [
                "ESTAB at policy (--rule 1)", "ESTAB to policy (--rule 2)",
                "LISTEN at policy (--rule 1)",
            ])
        let rules = rows.map { row in
            row.row("policy").map { "\($0["file"] ?? "-"):\($0.number("line") ?? 0)" }
        }
        #expect(rules.compactMap(\.self).sorted() == ["--rule:1", "--rule:1", "--rule:2"])
        #expect(zip(rows, rules).allSatisfy { ($0["wire"] == "tcp") == ($1 != nil) })
        let text = try CommandLineTool.run(
            "sockets", "--listening", "--pid", "\(holder.pid)", in: namespace)
        #expect(text.output.contains("policy (--rule 1)"), "\(text)")
    }

    @Test("another network namespace, by its name, by a process in it, and all of them")
    func namespaces() throws {
        let namespace = try Namespace("other")
        let holder = try SocketHolder.start(
            "l = listening(s(), 4777, '127.0.0.1'); c = connected(s(), '127.0.0.1', 4777)",
            in: namespace)
        for name in [namespace.name, "\(holder.pid)"] {
            let rows = try CommandLineTool.sockets("--netns", name, in: nil)
            #expect(rows.contains { $0["remote"] == "127.0.0.1:4777" })
            #expect(rows.allSatisfy { $0["netns"] == name })
        }
        let all = try CommandLineTool.sockets("--netns", "all", in: nil)
        #expect(all.contains { $0["netns"] == namespace.name && $0["remote"] == "127.0.0.1:4777" })
        #expect(
            !(try CommandLineTool.sockets(in: nil)).contains { $0["remote"] == "127.0.0.1:4777" })
    }

    @Test("what is left of a namespace that is gone: named, and no obstacle to the others")
    func staleNamespace() throws {
        let namespace = try Namespace("other")
        let holder = try SocketHolder.start("l = listening(s(), 4777, '127.0.0.1')", in: namespace)
        let name = "mptcpize-\(getpid())-stale"
        let file = "/run/netns/\(name)"
        try Data().write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        let rows = try CommandLineTool.sockets("--all", "--netns", "all", in: nil)
        #expect(rows.contains { $0["netns"] == namespace.name && $0["wire"] == "listening" })
        let named = try CommandLineTool.run("sockets", "--netns", name)
        #expect(named.status == 64 && named.errors.contains("is not the name of"), "\(named)")
        withExtendedLifetime(holder) {}
    }

    /// An unprivileged user's `mptcpize sockets`, with procfs mounted as a script says.
    private func asNobody(
        _ arguments: String..., procfs: String = "true", in namespace: Namespace
    ) throws -> Outcome {
        let program = try TemporaryDirectory()
        try mustRun(["chmod", "0755", program.path])
        try mustRun(["cp", Products.wholeCommand, program.file("mptcpize")])
        let script =
            procfs
            + " && exec setpriv --reuid=65534 --regid=65534 --clear-groups -- \"$0\" sockets \"$@\""
        return try run(
            ["unshare", "--mount", "sh", "-c", script, program.file("mptcpize")] + arguments,
            in: namespace)
    }

    @Test(
        "an unprivileged user sees the sockets, and is told what root would add",
        arguments: ["true", "mount -t proc -o hidepid=1 proc /proc"]
            + ["mount -t proc -o hidepid=2 proc /proc"])
    func unprivileged(procfs: String) throws {
        let namespace = try Namespace("nobody")
        let holder = try SocketHolder.start(
            "l = listening(s(), 4555, '127.0.0.1'); c = connected(s(), '127.0.0.1', 4555)",
            in: namespace)
        let outcome = try asNobody(procfs: procfs, in: namespace)
        #expect(outcome.succeeded, "\(outcome)")
        #expect(outcome.output.contains("ESTAB mptcp"))
        #expect(!outcome.output.contains("python3"))
        let advice = outcome.output.split(separator: "\n").filter { $0.contains("As root") }
        #expect(advice.count == 1, "\(outcome)")
        // Of other namespaces, that they are there.
        let other = try Namespace("other")
        let all = try asNobody("--netns", "all", procfs: procfs, in: namespace)
        #expect(all.succeeded && all.output.contains("ESTAB mptcp"), "\(all)")
        #expect(all.output.contains("could not be entered: try as root"), "\(all)")
        withExtendedLifetime((holder, other)) {}
    }

    static let wrongInputs: [([String], Int32)] = [
        (["--pid", "999999999"], 1), (["--netns", "no-such-namespace"], 1),
        (["--netns", "../../etc"], 64), (["--program", "no such program"], 1),
        (["--unit", "no-such-unit-runs"], 1), (["--cgroup", "/no/such/cgroup"], 1),
        (["--listening", "--all"], 64), (["--pid", "1", "--program", "x"], 64),
        (["5"], 64), (["--watch", "0"], 64), (["--watch", "nan"], 64), (["--pid", "x"], 64),
    ]

    @Test(
        "what makes no sense, and what is not there: one line, and what to type",
        arguments: wrongInputs)
    func wrongInput(arguments: [String], status: Int32) throws {
        let outcome = try run([Products.mptcpize, "sockets"] + arguments)
        #expect(outcome.status == status, "\(outcome)")
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome)")
        #expect(outcome.errors.hasPrefix("mptcpize: "))
    }
}

extension SocketHolder {
    /// A server that waits for one client, and that client, which is plain TCP.
    fileprivate static func acceptOne(
        on port: Int, environment: [String: String?], in namespace: Namespace
    ) throws -> (Background, Background) {
        let server = try Background(
            [
                "python3", "-c",
                "import socket, time\nl = socket.socket(); l.bind(('127.0.0.1', \(port)));"
                    + " l.listen(5); a, _ = l.accept(); print('ready', flush=True);"
                    + " time.sleep(600)",
            ], environment: environment, in: namespace)
        try server.waitUntilListening(on: port)
        let client = try start("c = connected(t(), '127.0.0.1', \(port))", in: namespace)
        try server.waitUntilItPrints("ready")
        return (server, client)
    }
}
