import Foundation
import TestSupport
import Testing

@Suite(
    "mptcpize check: endpoints and limits", .requires(.namespaces), .requires(.mptcp),
    .requires(.command("python3")))
struct CheckEndpointsTests {
    @Test("an endpoint whose link is dead, whose packets go elsewhere, whose address is gone")
    func endpoints() throws {
        let paths = try TwoPaths.withRoutes()
        func endpoint() throws -> Row {
            let findings = try CommandLineTool.findings(in: paths.client)
            return try #require(findings.first { $0["subject"]?.hasPrefix("endpoint ") ?? false })
        }
        try paths.client.ip("rule", "delete", "table", "102")
        let elsewhere = try endpoint()
        #expect(elsewhere["level"] == "problem")
        #expect(elsewhere["text"]?.contains("no default route by eth1, only by eth0") ?? false)
        #expect(elsewhere["text"]?.contains("it lacks `oif eth1`") ?? false)
        #expect(elsewhere["next"] == "ip rule add oif eth1 table 102")
        try Advice.type(elsewhere["next"], in: paths.client)
        #expect(try endpoint()["level"] == "ok")
        try expectSecondPath(from: paths, to: "198.51.100.6")
        try paths.client.ip("rule", "delete", "table", "102")
        try paths.client.ip("route", "flush", "table", "102")
        #expect(try endpoint()["next"]?.contains("rule add from 10.77.2.1") ?? false)
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
        try Advice.type(filtered["next"], in: paths.client)
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
        let paths = try TwoPaths.withRoutes()
        try paths.client.ip("mptcp", "limits", "set", "subflows", "0", "add_addr_accepted", "0")
        try paths.client.sysctl("net/mptcp/pm_type", "1")
        let findings = try CommandLineTool.findings(in: paths.client)
        #expect(Set(findings.problems) == ["limits", "path manager"])
    }
}
