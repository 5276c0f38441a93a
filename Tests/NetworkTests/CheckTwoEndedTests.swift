import Foundation
import TestSupport
import Testing

/// A client with two links to a router, and a server behind it.
private struct RoutedPaths {
    let client: Namespace
    let router: Namespace
    let server: Namespace
    static let server = "10.81.9.2:4000"

    init() throws {
        (client, router, server) = (
            try Namespace("client"), try Namespace("router"), try Namespace("server")
        )
        try Namespace.connect(client, "10.81.1.1/24", router, "10.81.1.254/24", device: "eth0")
        try Namespace.connect(client, "10.81.2.1/24", router, "10.81.2.254/24", device: "eth1")
        try Namespace.connect(server, "10.81.9.2/24", router, "10.81.9.254/24", device: "eth2")
        try router.sysctl("net/ipv4/ip_forward", "1")
        try server.ip("route", "add", "default", "via", "10.81.9.254")
        try client.ip("route", "add", "default", "via", "10.81.1.254")
        try client.ip("route", "add", "default", "via", "10.81.2.254", "dev", "eth1", "metric", "9")
        try client.ip("mptcp", "endpoint", "add", "10.81.2.1", "dev", "eth1", "subflow")
        for host in [client, server] {
            try host.ip("mptcp", "limits", "set", "subflows", "2", "add_addr_accepted", "2")
        }
    }

    /// Has the router treat what it forwards.
    func route(_ rule: String) throws {
        try mustRun(
            ["nft", "-f", "-"],
            input:
                "add table ip box\nadd chain ip box way { type filter hook forward priority 0; }\n"
                + "add rule ip box way \(rule)\n", in: router)
    }

    func serve(_ arguments: String...) throws -> Background {
        let server = try Background(
            [Products.mptcpize, "check", "--serve", "10.81.9.2:4000"] + arguments, in: server)
        try server.waitUntilItPrints("listening on 10.81.9.2:4000")
        return server
    }

    func probe() throws -> [Row] {
        try CommandLineTool.findings("--probe", Self.server, in: client)
    }
}

@Suite(
    "mptcpize check, both ends", .requires(.namespaces), .requires(.mptcp), .requires(.nftables),
    .requires(.command("python3")))
struct CheckTwoEndedTests {
    private let paths: RoutedPaths

    init() throws { paths = try RoutedPaths() }

    private func texts(_ findings: [Row]) -> String {
        findings.compactMap { $0["text"] }.joined(separator: "\n")
    }

    @Test("a way that is fine: each path carries data alone, and the server ends after its count")
    func fine() throws {
        let server = try paths.serve("--count", "1", "--json")
        let found = try paths.probe()
        #expect(found.problems.isEmpty, "\(found)")
        let text = texts(found)
        #expect(text.contains("both ends see MPTCP"), "\(text)")
        for link in ["10.81.1.1", "10.81.2.1"] {
            #expect(
                text.contains("path \(link) → 10.81.9.2 alone, the others cut: 32 KiB each way"),
                "\(text)")
        }
        let outcome = server.wait()
        #expect(outcome.succeeded, "\(outcome)")
        #expect(outcome.output.contains("all over MPTCP"), "\(outcome)")
        let document = try JSONSerialization.jsonObject(with: Data(outcome.outputBytes))
        #expect((document as? [String: Any])?["problem"] as? Bool == false)
    }

    static let ways = [
        (
            "ip daddr 10.81.9.2 tcp flags & (syn|ack) == syn",
            "the SYN left here with MP_CAPABLE, and arrived without"
        ),
        (
            "ip saddr 10.81.9.2 tcp flags & (syn|ack) == syn|ack",
            "its answer came here without: the option is stripped on the way from the peer"
        ),
        (
            "ip daddr 10.81.9.2 tcp flags & syn == 0",
            "stripped on the way to the peer, from what is no SYN"
        ),
    ]

    @Test("a way that strips the option in one direction", arguments: ways)
    func strips(condition: String, words: String) throws {
        let server = try paths.serve()
        try paths.route("\(condition) reset tcp option mptcp")
        let found = try paths.probe()
        #expect(found.problems.count == 1, "\(found)")
        #expect(texts(found).contains(words), "\(found)")
        // What takes it out is named where it is, and taken away by what is said there.
        let there = try CommandLineTool.findings(in: paths.router)
            .first { $0["subject"] == "firewall" }
        try Advice.type(there?["next"], in: paths.router)
        #expect(try paths.probe().problems.isEmpty)
        withExtendedLifetime(server) {}
    }

    static let losses = [
        (
            "iifname eth1 tcp flags psh drop",
            "alone, the others cut: it is up, and none of its data arrives"
        ),
        (
            "oifname eth1 tcp flags psh drop",
            "alone, the others cut: its data arrives at the peer, and nothing comes back"
        ),
        ("iifname eth1 ip length > 1000 drop", "large ones do not (0 of 32768 bytes arrived)"),
        ("oifname eth1 ip length > 1000 drop", "large ones that come back do not"),
        ("iifname eth1 tcp flags syn drop", "SYNs with MP_JOIN: 1 sent, 0 arrived"),
    ]

    @Test("a path that comes up and does not carry, or does not come up", arguments: losses)
    func loses(rule: String, words: String) throws {
        let server = try paths.serve()
        try paths.route(rule)
        let found = try paths.probe()
        #expect(found.problems.count == 1, "\(found)")
        #expect(texts(found).contains(words), "\(found)")
        // The other one does.
        #expect(texts(found).contains(/path 10\.81\.1\.1 → 10\.81\.9\.2.*: 32 KiB each way/))
        let next = found.first { $0["level"] == "problem" }?["next"] ?? ""
        if let command = next.components(separatedBy: "until then, ").dropFirst().first {
            try mustRun(["sh", "-c", command], in: paths.client)
            #expect(try paths.probe().problems.isEmpty)
        }
        withExtendedLifetime(server) {}
    }

    @Test("users other than root are told what they cannot see", .requires(.root))
    func unprivileged() throws {
        let server = try paths.serve()
        let outcome = try run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", Products.mptcpize]
                + ["check", "--probe", RoutedPaths.server], in: paths.client)
        #expect(outcome.succeeded, "\(outcome)")
        #expect(outcome.output.contains("both ends see MPTCP"), "\(outcome)")
        #expect(outcome.output.contains("try as root"), "\(outcome)")
        withExtendedLifetime(server) {}
    }

    @Test("nonsense, floods and silence end nothing but themselves")
    func hostile() throws {
        let server = try paths.serve()
        let script = """
            import socket
            def made():
                s = socket.create_connection(('10.81.9.2', 4000), 5); s.settimeout(5); return s
            held = []
            for _ in range(16): held.append(made())
            for s in held: assert s.recv(17, socket.MSG_WAITALL) == b'mptcpize check 1\\n'
            # One more of this address is let go at once.
            assert made().recv(1) == b''
            for s in held: s.close()
            def ended(sent):
                for _ in range(200):
                    s = made()
                    if s.recv(17, socket.MSG_WAITALL): break
                s.sendall(sent)
                try:
                    while s.recv(4096): pass
                except ConnectionError: pass
            ended(b'what\\n'); ended(b'x' * 500); ended(b'\\xff\\0\\n'); ended(b'data short\\n')
            ended(b'control\\nkeep\\n'); ended(b'control extra\\n'); ended(b'saw 0123456789abcdef\\n')
            s = made(); s.recv(17, socket.MSG_WAITALL); s.sendall(b'control\\n')
            for name in (b'0123456789abcdef', b'x' * 90):
                s.sendall(b'saw ' + name + b'\\n'); assert s.recv(200).startswith(b'saw nothing 0 ')
            s.sendall(b'keep 0123456789abcdef 999 -1\\n'); assert s.recv(99) == b'refused 2\\n'
            print('done')
            """
        let outcome = try run(["python3", "-c", script], in: paths.client)
        #expect(outcome.output == "done\n", "\(outcome)")
        #expect(try paths.probe().problems.isEmpty)
        withExtendedLifetime(server) {}
    }
}
