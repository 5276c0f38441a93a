import Foundation
import TestSupport
import Testing

@Suite(
    "mptcpize check", .requires(.namespaces), .requires(.mptcp), .requires(.command("python3")))
struct CheckTests {
    private func problems(_ findings: [Row]) -> [String] {
        findings.filter { $0["level"] == "problem" }.compactMap { $0["subject"] }
    }

    private func finding(_ subject: String, _ findings: [Row]) throws -> Row {
        try #require(findings.first { $0["subject"] == subject }, "\(findings)")
    }

    /// A client with a default route by each of its links, as a host with two providers has.
    private func healthyPaths() throws -> TwoPaths {
        let paths = try TwoPaths()
        try paths.client.ip("route", "add", "default", "via", TwoPaths.serverAddresses[0])
        try paths.client.ip("rule", "add", "from", TwoPaths.clientAddresses[1], "table", "102")
        try paths.client.ip(
            "route", "add", "default", "via", TwoPaths.serverAddresses[1], "dev", "eth1", "table",
            "102")
        return paths
    }

    @Test("a healthy host with two paths says so, in one screen")
    func healthy() throws {
        let paths = try healthyPaths()
        let outcome = try CommandLineTool.run("check", in: paths.client)
        #expect(outcome.succeeded, "\(outcome)")
        #expect(outcome.output.split(separator: "\n").count <= 24, "\(outcome)")
        #expect(outcome.output.contains("No problem") || outcome.output.contains("All is well"))
        let findings = try CommandLineTool.findings(in: paths.client)
        #expect(problems(findings).isEmpty)
        let endpoint = try #require(
            findings.first { $0["subject"]?.hasPrefix("endpoint ") ?? false })
        #expect(endpoint["level"] == "ok")
        #expect(endpoint["text"]?.contains("\(TwoPaths.clientAddresses[1]) subflow") ?? false)
        #expect(endpoint["text"]?.contains("leave by eth1") ?? false)
        let shown = try paths.client.ip("mptcp", "limits", "show")
        let limits = try finding("limits", findings)["text"] ?? ""
        let numbers = shown.split(whereSeparator: { !$0.isNumber }).map(String.init)
        for number in numbers { #expect(limits.contains(number), "\(shown)") }
    }

    @Test("MPTCP switched off")
    func switchedOff() throws {
        let namespace = try Namespace("off")
        try namespace.setMPTCP(enabled: false)
        let findings = try CommandLineTool.findings(in: namespace)
        #expect(problems(findings).contains("net.mptcp.enabled"))
        let next = try finding("net.mptcp.enabled", findings)["next"] ?? ""
        #expect(next.hasPrefix("sysctl -w net.mptcp.enabled=1"))
        #expect(try finding("kernel", findings)["text"]?.contains("ENOPROTOOPT") ?? false)
    }

    @Test("several interfaces and no endpoint: the commands to type do help")
    func noEndpoints() throws {
        let paths = try healthyPaths()
        try paths.client.ip("mptcp", "endpoint", "flush")
        let endpoints = try finding("endpoints", try CommandLineTool.findings(in: paths.client))
        #expect(endpoints["level"] == "problem")
        let command = try #require(endpoints["next"])
        #expect(command == "ip mptcp endpoint add 10.77.2.1 dev eth1 subflow")
        try mustRun(command.split(separator: " ").map(String.init), in: paths.client)
        #expect(problems(try CommandLineTool.findings(in: paths.client)).isEmpty)
    }

    @Test("one interface and no endpoint is worth a note")
    func oneInterface() throws {
        let (one, other) = (try Namespace("one"), try Namespace("other"))
        try Namespace.connect(one, "10.9.0.1/24", other, "10.9.0.2/24")
        // A label makes no second one of it.
        try one.ip("address", "add", "10.9.0.3/24", "dev", "eth0", "label", "eth0:1")
        let findings = try CommandLineTool.findings(in: one)
        #expect(problems(findings).isEmpty)
        #expect(try finding("endpoints", findings)["text"]?.contains("only one interface") ?? false)
    }

    @Test("a kernel that does not tell a socket's own state (before 5.16) is asked for the list")
    func withoutSocketOption() throws {
        let paths = try healthyPaths()
        let older = try Fixtures.program("older_info")
        let server = try SocketHolder.start(
            "l = listening(s(), 4000); p = listening(t(), 4001)", in: paths.server)
        func check(_ arguments: String...) throws -> String {
            try run([older, Products.mptcpize, "check"] + arguments, in: paths.client).output
        }
        let host = try check()
        for family in ["IPv4", "IPv6"] {
            #expect(host.contains("MPTCP over \(family) works"), "\(host)")
        }
        #expect(try check("--probe", "10.77.1.2:4000").contains("speaks MPTCP"))
        #expect(try check("--probe", "10.77.1.2:4001").contains("plain TCP: the peer"))
        withExtendedLifetime(server) {}
    }

    @Test("an endpoint whose link is dead, whose packets go elsewhere, whose address is gone")
    func endpoints() throws {
        let paths = try healthyPaths()
        func endpoint() throws -> Row {
            let findings = try CommandLineTool.findings(in: paths.client)
            return try #require(findings.first { $0["subject"]?.hasPrefix("endpoint ") ?? false })
        }
        try paths.client.ip("rule", "delete", "table", "102")
        let elsewhere = try endpoint()
        #expect(elsewhere["level"] == "problem")
        #expect(elsewhere["text"]?.contains("no route to far away by eth1, only by eth0") ?? false)
        #expect(elsewhere["next"]?.contains("rule add from 10.77.2.1") ?? false)
        // A second default route will do, since the endpoint is bound to its interface.
        try paths.client.ip(
            "route", "add", "default", "via", TwoPaths.serverAddresses[1], "dev", "eth1", "metric",
            "200")
        #expect(try endpoint()["level"] == "ok")
        try expectSecondPath(from: paths, to: "198.51.100.7")
        // Loose filtering (2) is fine; strict (1) drops what comes back, over IPv4.
        try paths.client.sysctl("net/ipv4/conf/all/rp_filter", "1")
        let filtered = try endpoint()
        #expect(filtered["level"] == "problem")
        #expect(filtered["text"]?.contains("rp_filter drops what comes back by eth1") ?? false)
        try type(filtered["next"], in: paths.client)
        #expect(try endpoint()["level"] == "ok")
        try paths.client.sysctl("net/ipv4/conf/eth1/rp_filter", "0")
        // One that is not bound goes by the first route.
        try paths.client.ip("mptcp", "endpoint", "flush")
        try paths.client.ip("mptcp", "endpoint", "add", "10.77.2.1", "subflow")
        let unbound = try endpoint()["text"] ?? ""
        #expect(unbound.contains("leave by eth0, and rp_filter drops"), "\(unbound)")
        try paths.client.ip("-6", "route", "add", "default", "via", "fd77:1::2", "dev", "eth0")
        try paths.client.ip("mptcp", "endpoint", "add", "fd77:2::1", "subflow")
        let texts = try CommandLineTool.findings(in: paths.client).compactMap { $0["text"] }
        let other = try #require(texts.first { $0.hasPrefix("fd77:2::1 ") })
        #expect(other.contains("leave by eth0") && !other.contains("rp_filter"), "\(other)")

        try paths.cut(link: 1)
        // The kernel lets up to a second pass before it tells of a lost carrier.
        let isFound = try poll(within: .seconds(10)) {
            let dead = try endpoint()
            return dead["level"] == "problem" && dead["text"]?.contains("eth1 is down") ?? false
        }
        #expect(isFound)

        try paths.client.ip("address", "flush", "dev", "eth1")
        #expect(try endpoint()["text"]?.contains("no interface has this address") ?? false)
    }

    /// Connects to an address that is not on the client's links, and waits for a second path.
    private func expectSecondPath(from paths: TwoPaths, to address: String) throws {
        try paths.server.ip("address", "add", "\(address)/32", "dev", "lo")
        // What comes back has to find its way as well.
        let server = try SocketHolder.start("l = listening(s(), 4000)", in: paths.server)
        let client = try SocketHolder.start(
            "c = connected(s(), '\(address)', 4000); c.sendall(b'x')", in: paths.client)
        try client.require("a second path") {
            let row = try? CommandLineTool.sockets(in: paths.client).first
            return row?.rows("subflows").contains {
                $0.flag("established") == true && $0["local"]?.hasPrefix("10.77.2.1:") ?? false
                    && $0["remote"] == "\(address):4000"
            } ?? false
        }
        withExtendedLifetime(server) {}
    }

    @Test("limits that allow no second subflow, and a path manager that makes none")
    func limits() throws {
        let paths = try healthyPaths()
        try paths.client.ip("mptcp", "limits", "set", "subflows", "0", "add_addr_accepted", "0")
        try paths.client.sysctl("net/mptcp/pm_type", "1")
        let findings = try CommandLineTool.findings(in: paths.client)
        #expect(Set(problems(findings)) == ["limits", "path manager"])
    }

    /// Types what a finding advises, up to the words after it.
    private func type(_ next: String?, in namespace: Namespace) throws {
        let commands = try #require(next).split(separator: ", ")[0].split(separator: "; ")
        for command in commands where !command.hasPrefix("for good") {
            try mustRun(command.split(separator: " ").map(String.init), in: namespace)
        }
    }

    @Test("what check says to type does help: each problem, typed, is gone")
    func typed() throws {
        let paths = try healthyPaths()
        let client = paths.client
        func advice(_ subject: String) throws -> String? {
            let found = try CommandLineTool.findings(in: client).first {
                $0["level"] == "problem" && $0["subject"]?.hasPrefix(subject) ?? false
            }
            return try #require(found, "\(subject) is not found")["next"]
        }
        func expectHealth(_ what: String) throws {
            let findings = try CommandLineTool.findings(in: client)
            #expect(problems(findings).isEmpty, "after \(what): \(findings)")
        }

        try client.setMPTCP(enabled: false)
        try type(try advice("net.mptcp.enabled"), in: client)
        try expectHealth("net.mptcp.enabled")

        try client.ip("mptcp", "limits", "set", "subflows", "0", "add_addr_accepted", "0")
        try type(try advice("limits"), in: client)
        try expectHealth("limits")

        try client.sysctl("net/mptcp/pm_type", "1")
        try type(try advice("path manager"), in: client)
        try expectHealth("path manager")

        // An IPv6 address goes with its link, and does not come back.
        try client.ip("-6", "address", "flush", "dev", "eth1")
        try client.ip("mptcp", "endpoint", "delete", "id", "2")
        try client.ip("link", "set", "eth1", "down")
        try type(try advice("endpoint "), in: client)
        // Its route went with the link, which takes a moment to be up.
        try client.ip("rule", "delete", "table", "102")
        let routes = try #require(
            try {
                var next: String?
                _ = try poll(within: .seconds(10)) {
                    next = try advice("endpoint ")
                    return next?.contains("rule add") ?? false
                }
                return next
            }())
        try type(
            routes.replacingOccurrences(of: "GATEWAY", with: TwoPaths.serverAddresses[1]),
            in: client)
        try expectHealth("routes")

        try client.ip("mptcp", "endpoint", "add", "10.77.9.9", "subflow")
        try type(try advice("endpoint "), in: client)
        try expectHealth("endpoint")
    }

    @Test("a network that drops MPTCP: found, named, and the remedy works")
    func blackhole() throws {
        let namespace = try Namespace("hole")
        let hole = try Background(
            ["python3", Repository.path("Tests/Fixtures/mptcp_blackhole.py")], in: namespace)
        try hole.waitUntilItPrints("ready")
        let probe = try CommandLineTool.findings("--probe", "10.8.0.2:80", in: namespace)
        #expect(problems(probe) == ["10.8.0.2:80"])
        #expect(probe.first?["text"]?.contains("dropped on the way") ?? false)

        let findings = try CommandLineTool.findings(in: namespace)
        #expect(problems(findings) == ["blackhole"])
        let again = try CommandLineTool.findings("--probe", "10.8.0.2:80", in: namespace)
        #expect(again.first?["text"]?.contains("blackhole") ?? false)

        let remedy = try #require(try finding("blackhole", findings)["next"])
        let command = remedy.split(separator: " ").prefix(3).map(String.init)
        #expect(command.prefix(2) == ["sysctl", "-w"])
        try mustRun(command, in: namespace)
        #expect(
            try finding("blackhole", CommandLineTool.findings(in: namespace))["level"] == "note")
    }

    @Test("a peer: MPTCP with its paths and addresses, plain TCP, nobody")
    func peers() throws {
        let paths = try healthyPaths()
        let server = try SocketHolder.start(
            "l = listening(s(), 4000); p = listening(t(), 4001)", in: paths.server)
        var texts: [String] = []
        var links: [String] = []
        // On a busy machine, one second may be too short for a second path.
        try poll(within: .seconds(60)) {
            let mptcp = try CommandLineTool.findings("--probe", "10.77.1.2:4000", in: paths.client)
            #expect(problems(mptcp).isEmpty)
            texts = mptcp.compactMap { $0["text"] }
            #expect(texts.first?.hasPrefix("speaks MPTCP; ") ?? false)
            links = texts.filter { $0.hasPrefix("path ") }
            return links.count >= 2
        }
        #expect(links.count >= 2, "\(texts)")
        #expect(texts.first == "speaks MPTCP; \(links.count) paths within a second")
        #expect(links.first?.hasSuffix("first") ?? false)
        #expect(texts.last?.hasPrefix("announced \(TwoPaths.serverAddresses[1])") ?? false)

        let tcp = try CommandLineTool.findings("--probe", "10.77.1.2:4001", in: paths.client)
        #expect(tcp.first?["text"]?.hasPrefix("plain TCP: the peer") ?? false)
        let nobody = try CommandLineTool.findings("--probe", "10.77.1.2:9", in: paths.client)
        #expect(nobody.first?["text"]?.contains("refused") ?? false)
        #expect(nobody.first?["next"]?.contains("`ss -ltn`") ?? false)
        withExtendedLifetime(server) {}
    }

    @Test("a program: what reaches it, and why not")
    func programs() throws {
        let dynamic = try CommandLineTool.findings("python3", in: nil)
        #expect(dynamic.first?["level"] == "ok")
        #expect(dynamic.first?["next"] == "mptcpize run python3")
        let directory = try TemporaryDirectory()
        let copy = directory.file("set-uid")
        try mustRun(["cp", "/bin/true", copy])
        try mustRun(["chmod", "4755", copy])
        try mustRun(["chown", "65534", copy])
        try mustRun(["chmod", "4755", copy])
        let privileged = try CommandLineTool.findings(copy, in: nil)
        #expect(privileged.first?["level"] == "problem")
        #expect(privileged.first?["text"]?.contains("set-uid") ?? false)
        // What a program's own option looks like is in the file, whatever its version.
        let nginx = directory.file("nginx")
        try mustRun(["cp", "/bin/true", nginx])
        #expect(try CommandLineTool.findings(nginx, in: nil).count == 1)
        try mustRun(["sh", "-c", "printf multipath >> \"$0\"", nginx])
        #expect(
            try CommandLineTool.findings(nginx, in: nil).last?["text"]?
                .contains("`listen … multipath;`") ?? false)
    }

    @Test(
        "MPTCP of a program's own is told where this build has it",
        arguments: [
            ("angie", "multipath", "listen … multipath;"),
            ("apache2", "multipathtcp", "options=multipathtcp"),
            ("traffic_server", "mptcp", "server_ports"), ("envoy", "enable_mptcp", "listener"),
            ("lighttpd", "server.network-mptcp", "feature-flags"),
            ("valkey-server", "repl-mptcp", "mptcp yes"), ("valkey-cli", "--mptcp", "--mptcp"),
            ("qemu-system-x86_64", "mptcp", "mptcp=on"), ("hpnsshd", "usemptcp", "UseMPTCP yes"),
            ("ss-server", "mptcp", "--mptcp"), ("sslocal", "mptcp", "--mptcp"),
            ("shadowsocks-go", "multipathTCP", "multipath"),
            ("sing-box", "tcp_multi_path", "tcp_multi_path"), ("xray", "tcpMptcp", "tcpMptcp"),
            ("v2ray", "mptcp", "sockopt"), ("dae", "mptcp", "global"), ("xfr", "mptcp", "xfr"),
        ])
    func ownMPTCP(name: String, marker: String, usage: String) throws {
        let directory = try TemporaryDirectory()
        let program = directory.file(name)
        try mustRun(["cp", "/bin/true", program])
        func told() throws -> [String] {
            try CommandLineTool.findings(program, in: nil).compactMap { $0["text"] }.filter {
                $0.contains("has MPTCP of its own")
            }
        }
        #expect(try told().isEmpty)
        try mustRun(["sh", "-c", "printf '%s' \"$1\" >> \"$0\"", program, marker])
        #expect(try told().count == 1 && told()[0].contains(usage))
    }

    static let wrongInputs: [([String], Int32)] = [
        (["no-such-program-or-unit"], 1), (["/no/such/file"], 1), (["/etc"], 1),
        (["--probe", "x"], 64), (["--probe", "::1:80"], 64), (["--probe", "a:0"], 64),
        (["--probe", "localhost:70000"], 64), (["--probe", "a:1", "python3"], 64),
        (["--options", "python3"], 64), (["--probe", "no-such-host.invalid:80"], 1),
    ]

    @Test(
        "what makes no sense, and what is not there: one line",
        arguments: wrongInputs)
    func wrongInput(arguments: [String], status: Int32) throws {
        // In a namespace of its own, so that no name server is asked.
        let namespace = try Namespace("wrong")
        let outcome = try run([Products.mptcpize, "check"] + arguments, in: namespace)
        #expect(outcome.status == status, "\(outcome)")
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome)")
    }

    @Test("the option table")
    func options() throws {
        let outcome = try CommandLineTool.run("check", "--options")
        #expect(outcome.succeeded)
        #expect(outcome.output.contains("TCP_USER_TIMEOUT"))
        #expect(
            try CommandLineTool.run("check", "--options", "--json").output.contains("\"options\""))
    }
}
