import Foundation
import TestSupport
import Testing

@Suite(
    "mptcpize check", .requires(.namespaces), .requires(.mptcp), .requires(.command("python3")))
struct CheckTests {
    @Test("a healthy host with two paths says so, in one screen")
    func healthy() throws {
        let paths = try TwoPaths.withRoutes()
        let outcome = try CommandLineTool.run("check", in: paths.client)
        #expect(outcome.succeeded, "\(outcome)")
        #expect(outcome.output.split(separator: "\n").count <= 24, "\(outcome)")
        #expect(outcome.output.contains("No problem") || outcome.output.contains("All is well"))
        let findings = try CommandLineTool.findings(in: paths.client)
        #expect(findings.problems.isEmpty)
        let endpoint = try #require(
            findings.first { $0["subject"]?.hasPrefix("endpoint ") ?? false })
        #expect(endpoint["level"] == "ok")
        #expect(endpoint["text"]?.contains("\(TwoPaths.clientAddresses[1]) subflow") ?? false)
        #expect(endpoint["text"]?.contains("leave by eth1") ?? false)
        let shown = try paths.client.ip("mptcp", "limits", "show")
        let limits = try findings.one("limits")["text"] ?? ""
        let numbers = shown.split(whereSeparator: { !$0.isNumber }).map(String.init)
        for number in numbers { #expect(limits.contains(number), "\(shown)") }
    }

    @Test("MPTCP switched off")
    func switchedOff() throws {
        let namespace = try Namespace("off")
        try namespace.setMPTCP(enabled: false)
        let findings = try CommandLineTool.findings(in: namespace)
        #expect(findings.problems.contains("net.mptcp.enabled"))
        let next = try findings.one("net.mptcp.enabled")["next"] ?? ""
        #expect(next.hasPrefix("sysctl -w net.mptcp.enabled=1"))
        #expect(try findings.one("kernel")["text"]?.contains("ENOPROTOOPT") ?? false)
    }

    @Test("several interfaces and no endpoint: the commands to type do help")
    func noEndpoints() throws {
        let paths = try TwoPaths.withRoutes()
        try paths.client.ip("mptcp", "endpoint", "flush")
        let endpoints = try CommandLineTool.findings(in: paths.client).one("endpoints")
        #expect(endpoints["level"] == "problem")
        let command = try #require(endpoints["next"])
        #expect(command == "ip mptcp endpoint add 10.77.2.1 dev eth1 subflow")
        try mustRun(command.split(separator: " ").map(String.init), in: paths.client)
        #expect(try CommandLineTool.findings(in: paths.client).problems.isEmpty)
    }

    @Test("one interface and no endpoint is worth a note")
    func oneInterface() throws {
        let (one, other) = (try Namespace("one"), try Namespace("other"))
        try Namespace.connect(one, "10.9.0.1/24", other, "10.9.0.2/24")
        // A label makes no second one of it.
        try one.ip("address", "add", "10.9.0.3/24", "dev", "eth0", "label", "eth0:1")
        let findings = try CommandLineTool.findings(in: one)
        #expect(findings.problems.isEmpty)
        #expect(try findings.one("endpoints")["text"]?.contains("only one interface") ?? false)
    }

    @Test("a kernel that does not tell a socket's own state (before 5.16) is asked for the list")
    func withoutSocketOption() throws {
        let paths = try TwoPaths.withRoutes()
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

    @Test("what check says to type does help: each problem, typed, is gone")
    func typed() throws {
        let paths = try TwoPaths.withRoutes()
        let client = paths.client
        func advice(_ subject: String) throws -> String? {
            let found = try CommandLineTool.findings(in: client).first {
                $0["level"] == "problem" && $0["subject"]?.hasPrefix(subject) ?? false
            }
            return try #require(found, "\(subject) is not found")["next"]
        }
        func expectHealth(_ what: String) throws {
            let findings = try CommandLineTool.findings(in: client)
            #expect(findings.problems.isEmpty, "after \(what): \(findings)")
        }

        try client.setMPTCP(enabled: false)
        try Advice.type(try advice("net.mptcp.enabled"), in: client)
        try expectHealth("net.mptcp.enabled")

        try client.ip("mptcp", "limits", "set", "subflows", "0", "add_addr_accepted", "0")
        try Advice.type(try advice("limits"), in: client)
        try expectHealth("limits")

        try client.sysctl("net/mptcp/pm_type", "1")
        try Advice.type(try advice("path manager"), in: client)
        try expectHealth("path manager")

        // An IPv6 address goes with its link, and does not come back.
        try client.ip("-6", "address", "flush", "dev", "eth1")
        try client.ip("mptcp", "endpoint", "delete", "id", "2")
        try client.ip("link", "set", "eth1", "down")
        try Advice.type(try advice("endpoint "), in: client)
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
        try Advice.type(
            routes.replacingOccurrences(of: "GATEWAY", with: TwoPaths.serverAddresses[1]),
            in: client)
        try expectHealth("routes")

        try client.ip("mptcp", "endpoint", "add", "10.77.9.9", "subflow")
        try Advice.type(try advice("endpoint "), in: client)
        try expectHealth("endpoint")
    }

    @Test("a network that drops MPTCP: found, named, and the remedy works")
    func blackhole() throws {
        let namespace = try Namespace("hole")
        let hole = try Background(
            ["python3", Repository.path("Tests/Fixtures/mptcp_blackhole.py")], in: namespace)
        try hole.waitUntilItPrints("ready")
        let probe = try CommandLineTool.findings("--probe", "10.8.0.2:80", in: namespace)
        #expect(probe.problems == ["10.8.0.2:80"])
        #expect(probe.first?["text"]?.contains("dropped on the way") ?? false)

        let findings = try CommandLineTool.findings(in: namespace)
        #expect(findings.problems == ["blackhole"])
        // What is certain of its end: it began before now.
        #expect(
            try findings.one("blackhole")["text"]?.contains(
                /3600 s after that was found, until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d at the latest/
            )
                ?? false)
        let again = try CommandLineTool.findings("--probe", "10.8.0.2:80", in: namespace)
        #expect(again.first?["text"]?.contains("blackhole") ?? false)

        let remedy = try #require(try findings.one("blackhole")["next"])
        let command = remedy.split(separator: " ").prefix(3).map(String.init)
        #expect(command.prefix(2) == ["sysctl", "-w"])
        try mustRun(command, in: namespace)
        #expect(
            try CommandLineTool.findings(in: namespace).one("blackhole")["level"] == "note")
    }

    @Test("a peer: MPTCP with its paths and addresses, plain TCP, nobody")
    func peers() throws {
        let paths = try TwoPaths.withRoutes()
        let server = try SocketHolder.start(
            "l = listening(s(), 4000); p = listening(t(), 4001)", in: paths.server)
        var texts: [String] = []
        var links: [String] = []
        // On a busy machine, one second may be too short for a second path.
        try poll(within: .seconds(60)) {
            let mptcp = try CommandLineTool.findings("--probe", "10.77.1.2:4000", in: paths.client)
            #expect(mptcp.problems.isEmpty)
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
}
