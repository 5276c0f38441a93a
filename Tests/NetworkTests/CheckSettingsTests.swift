import Foundation
import TestSupport
import Testing

@Suite("mptcpize check: settings and services", .requires(.namespaces), .requires(.mptcp))
struct CheckSettingsTests {
    static let odd = [
        ("syn_retrans_before_tcp_fallback", "128", "problem"),
        ("syn_retrans_before_tcp_fallback", "6", "problem"),
        ("syn_retrans_before_tcp_fallback", "0", "note"), ("blackhole_timeout", "0", "note"),
        ("close_timeout", "0", "note"), ("close_timeout", "100000", "note"),
        ("stale_loss_cnt", "0", "note"), ("stale_loss_cnt", "100", "note"),
        ("add_addr_timeout", "0", "note"), ("checksum_enabled", "1", "note"),
    ]

    @Test("an odd value is said, with what it does, and what to type mends it", arguments: odd)
    func oddValue(name: String, value: String, level: String) throws {
        let host = try Namespace("settings")
        #expect(try CommandLineTool.findings(in: host).one("net.mptcp")["level"] == "ok")
        try host.sysctl("net/mptcp/\(name)", value)
        let found = try CommandLineTool.findings(in: host).one("net.mptcp.\(name)")
        #expect(found["level"] == level && found["text"]?.hasPrefix("\(value): ") ?? false)
        try Advice.type(found["next"], in: host)
        #expect(try CommandLineTool.findings(in: host).one("net.mptcp")["level"] == "ok")
    }

    @Test("receive buffers are said where MPTCP is not the library's, on kernels that stall")
    func receiveBuffers() throws {
        let host = try Namespace("buffers")
        let name = "net.ipv4.tcp_rmem"
        try host.sysctl("net/ipv4/tcp_rmem", "4096 131072 4194304")
        let before = try CommandLineTool.findings(in: host).first { $0["subject"] == name }
        // A kernel without the fault says nothing.
        guard let before else { return }
        #expect(before["level"] == "ok")
        let library = try Background(
            [
                Products.mptcpize, "run", "python3", "-c",
                "import socket, time; s = socket.create_server(('', 4001)); "
                    + "print('ready', flush=True); time.sleep(600)",
            ], in: host)
        try library.waitUntilItPrints("ready")
        #expect(try CommandLineTool.findings(in: host).one(name)["level"] == "ok")
        let native = try SocketHolder.start("l = listening(s(), 4000)", in: host)
        let found = try CommandLineTool.findings(in: host).one(name)
        #expect(found["level"] == "note" && found["text"]?.contains("python3") ?? false, "\(found)")
        try Advice.type(found["next"], in: host)
        #expect(try CommandLineTool.findings(in: host).one(name)["level"] == "ok")
        #expect(try host.sysctl("net/ipv4/tcp_rmem") == "4096\t6291456\t6291456")
        withExtendedLifetime((library, native)) {}
    }

    /// A process that calls itself mptcpd, and an nmcli that says so, seen by nobody else.
    private func withDaemon(_ capabilities: [String], nmcli: Bool) throws -> [Row] {
        let (host, other) = (try Namespace("daemon"), try Namespace("other"))
        try Namespace.connect(host, "10.9.0.1/24", other, "10.9.0.2/24")
        let directory = try TemporaryDirectory()
        try mustRun(["cp", "/usr/bin/sleep", directory.file("mptcpd")])
        try """
        #!/bin/sh
        case "$*" in
          *"device status"*) echo eth0:connected:0001 ;;
          *) echo connection.id:wired; echo 'connection.mptcp-flags:0x22 (enabled,subflow)' ;;
        esac
        """.write(toFile: directory.file("nmcli"), atomically: true, encoding: .utf8)
        try mustRun(["chmod", "755", directory.file("nmcli")])
        let script = """
            mount -t tmpfs tmpfs /run
            \(nmcli ? "mkdir /run/NetworkManager" : "")
            setpriv \(capabilities.joined(separator: " ")) \(directory.file("mptcpd")) 600 &
            until [ "$(cat /proc/$!/comm)" = mptcpd ]; do sleep 0.05; done
            PATH=\(directory.path):$PATH \(Products.mptcpize) check --json
            """
        let outcome = try run(
            [
                "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
                script,
            ],
            in: host)
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.outputBytes)) as? [String: Any],
            "\(outcome)")
        return try #require(document["findings"] as? [[String: Any]]).map(Row.init)
    }

    @Test(
        "mptcpd that may not do its work, or is not alone with it", .requires(.root),
        .requires(.mounts))
    func daemon() throws {
        #expect(
            try withDaemon(["--nnp"], nmcli: false).allSatisfy { $0["subject"] != "mptcpd" })
        let powerless = try withDaemon(["--bounding-set", "-net_admin"], nmcli: false).one("mptcpd")
        #expect(powerless["level"] == "problem")
        #expect(powerless["text"]?.contains("without CAP_NET_ADMIN") ?? false)
        let both = try withDaemon(["--nnp"], nmcli: true).one("mptcpd")
        #expect(both["level"] == "note")
        #expect(both["text"]?.contains("NetworkManager makes the endpoints of eth0 too") ?? false)
    }
}
