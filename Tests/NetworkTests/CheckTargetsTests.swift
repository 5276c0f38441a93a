import Foundation
import TestSupport
import Testing

@Suite(
    "mptcpize check of programs, and what makes no sense", .requires(.namespaces),
    .requires(.mptcp), .requires(.command("python3")))
struct CheckTargetsTests {
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
        (["--probe", "x"], 1), (["--probe", "[::1"], 64), (["--probe", ""], 64),
        (["--serve", "x:y"], 64), (["--serve", "192.0.2.1"], 1), (["--count", "1"], 64),
        (["--serve", "--count", "0"], 64), (["--serve", "--probe", "a:1"], 64),
        (["--probe", "::1:80"], 64), (["--probe", "a:0"], 64),
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
