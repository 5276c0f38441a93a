import Foundation
import TestSupport
import Testing

@Suite(
    "mptcpize check: what servers and clients tell each other", .requires(.namespaces),
    .requires(.mptcp), .requires(.command("python3")))
struct CheckServersTests {
    private static let flag = "net.mptcp.allow_join_initial_addr_port"

    private func paths(_ paths: TwoPaths) throws -> [String] {
        try CommandLineTool.findings("--probe", "10.77.1.2:4000", in: paths.client)
            .compactMap { $0["text"] }.filter { $0.hasPrefix("path ") }
    }

    @Test("a server to whose first address no path may be added, and that announces none")
    func loadBalanced() throws {
        let paths = try TwoPaths.withRoutes()
        let server = try SocketHolder.start("l = listening(s(), 4000)", in: paths.server)
        try paths.server.ip("mptcp", "endpoint", "flush")
        #expect(try poll(within: .seconds(60)) { try self.paths(paths).count == 2 })
        try paths.server.sysctl("net/mptcp/allow_join_initial_addr_port", "0")
        #expect(try self.paths(paths).count == 1)
        let found = try CommandLineTool.findings(in: paths.server).one(Self.flag)
        #expect(found["level"] == "problem")
        #expect(found["text"]?.contains("no endpoint is `signal`") ?? false)
        try Advice.type(found["next"], in: paths.server)
        let after = try CommandLineTool.findings(in: paths.server).one(Self.flag)
        #expect(after["level"] == "ok")
        #expect(after["text"]?.contains("10.77.2.2") ?? false, "\(after)")
        #expect(try poll(within: .seconds(60)) { try self.paths(paths).count == 2 })
        // Nothing is said of other addresses by one that has a single one.
        try paths.server.ip("link", "set", "eth1", "down")
        try paths.server.ip("mptcp", "endpoint", "flush")
        let single = try CommandLineTool.findings(in: paths.server).one(Self.flag)
        #expect(single["next"]?.hasPrefix("sysctl -w \(Self.flag)=1, or behind") ?? false)
        try Advice.type(single["next"], in: paths.server)
        #expect(
            try CommandLineTool.findings(in: paths.server).contains { $0["subject"] == Self.flag }
                == false)
        withExtendedLifetime(server) {}
    }

    @Test("an endpoint that is there already is announced too")
    func announcedToo() throws {
        let paths = try TwoPaths.withRoutes()
        let client = paths.client
        try client.ip("address", "flush", "dev", "eth0")
        try client.sysctl("net/mptcp/allow_join_initial_addr_port", "0")
        let found = try CommandLineTool.findings(in: client).one(Self.flag)
        let command = try #require(found["next"]?.components(separatedBy: "load balancer: ").last)
        #expect(command.contains("subflow signal"), "\(command)")
        try mustRun(["sh", "-c", command], in: client)
        #expect(try CommandLineTool.findings(in: client).one(Self.flag)["level"] == "ok")
    }

    @Test("paths to announced addresses that all start from one link")
    func announced() throws {
        let paths = try TwoPaths.withRoutes()
        let (client, server) = (paths.client, paths.server)
        for host in [client, server] {
            try host.ip("mptcp", "endpoint", "flush")
            try host.ip("mptcp", "limits", "set", "subflows", "4", "add_addr_accepted", "4")
        }
        try server.ip("address", "add", "198.51.100.9/32", "dev", "lo")
        try server.ip("mptcp", "endpoint", "add", "198.51.100.9", "signal")
        try client.ip("mptcp", "endpoint", "add", "10.77.2.1", "dev", "eth1", "subflow")
        // What it announces is of no use to the second link then.
        try server.sysctl("net/mptcp/allow_join_initial_addr_port", "0")
        let listener = try SocketHolder.start("l = listening(s(), 4000)", in: server)
        #expect(try CommandLineTool.findings(in: client).problems.isEmpty)
        func connect(_ path: String) throws -> Background {
            let holder = try SocketHolder.start(
                "c = connected(s(), '10.77.1.2', 4000); c.sendall(b'x')", in: client)
            try holder.require("a path from \(path)") {
                let rows = try? CommandLineTool.sockets(in: client)
                return (rows ?? []).flatMap { $0.rows("subflows") }.contains {
                    $0["local"]?.hasPrefix("\(path):") ?? false
                        && $0["remote"] == "198.51.100.9:4000" && $0.flag("established") == true
                }
            }
            return holder
        }
        let first = try connect("10.77.1.1")
        let found = try #require(
            try CommandLineTool.findings(in: client).first {
                $0["text"]?.contains("peers announce") ?? false
            })
        #expect(found["level"] == "note" && found["subject"]?.hasPrefix("endpoint ") ?? false)
        #expect(
            found["text"]?.contains("198.51.100.9, and subflows to there start from 10.77.1.1 only")
                ?? false, "\(found)")
        try Advice.type(found["next"], in: client)
        let second = try connect("10.77.2.1")
        #expect(
            try CommandLineTool.findings(in: client).allSatisfy {
                $0["text"]?.contains("peers announce") == false
            })
        withExtendedLifetime((listener, first, second)) {}
    }
}
