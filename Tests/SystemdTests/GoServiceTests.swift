import Foundation
import TestSupport
import Testing

/// Services written in Go, whose runtime makes MPTCP sockets of its own when GODEBUG says so.
@Suite("Go services", .requires(.systemdMachines))
struct GoServiceTests {
    private static let unit = "prometheus-node-exporter.service"
    private static let request = "GET / HTTP/1.0\r\n\r\n"

    /// trixie's is built by Go 1.24.
    @Test("a packaged one of a Go that knows MPTCP: by GODEBUG, merged with what it says")
    func packaged() throws {
        let machine = try ServiceMachine(.trixie)
        try machine.write(
            "ARGS=\"--web.listen-address=127.0.0.1:9100\"\nGODEBUG=http2debug=0\n",
            to: "/etc/default/prometheus-node-exporter")
        try machine.must("systemctl start \(Self.unit)")
        let before = try machine.talk(to: 9100, saying: Self.request)
        #expect(before.answer.contains("200 OK") && !before.isMPTCP)
        let files = try machine.unitFiles()
        let properties = try machine.properties(of: Self.unit)
        let environment = try machine.environment(of: Self.unit)

        let enabled = try machine.mptcpize("enable", "--now", Self.unit)
        #expect(enabled.succeeded, "\(enabled)")
        let during = try machine.talk(to: 9100, saying: Self.request)
        #expect(during.answer.contains("200 OK") && during.isMPTCP)
        var changed = try machine.environment(of: Self.unit)
        #expect(changed["GODEBUG"] == "http2debug=0,multipathtcp=1")
        changed["GODEBUG"] = environment["GODEBUG"]
        changed["LD_PRELOAD"] = nil
        #expect(changed == environment)
        let status = try machine.status(of: Self.unit)
        #expect(status.reaches == ["godebug"] && !status.needsRestart)
        #expect(status.processes.first?.sockets.listening == .init(mptcp: 1, tcp: 0))
        let text = try machine.mptcpize("status", Self.unit)
        #expect(text.output.contains("enable --mode bpf"), "\(text)")
        let check = try machine.mptcpize("check", Self.unit)
        #expect(check.output.contains("GODEBUG=multipathtcp=1 reaches"), "\(check)")
        #expect(check.output.contains("built by go1."))
        #expect(check.output.contains("no library mends the options"), "\(check)")
        #expect(check.output.contains("enable --mode bpf"), "\(check)")

        #expect(try machine.mptcpize("disable", "--now", Self.unit).succeeded)
        #expect(try !machine.talk(to: 9100, saying: Self.request).isMPTCP)
        #expect(try machine.unitFiles() == files)
        #expect(try machine.properties(of: Self.unit) == properties)
        #expect(try machine.environment(of: Self.unit) == environment)

        // Whoever has switched it off there meant it.
        try machine.write(
            "GODEBUG=multipathtcp=0\n", to: "/etc/default/prometheus-node-exporter")
        let refused = try machine.mptcpize("enable", Self.unit)
        #expect(refused.status == 1, "\(refused)")
        #expect(refused.errors.contains("multipathtcp=0 (/etc/default/prometheus-node-exporter)"))
    }

    /// bullseye's is built by Go 1.15.
    @Test("a packaged one of an older Go: refused, with what reaches it")
    func olderGo() throws {
        let machine = try ServiceMachine(.bullseye)
        let files = try machine.unitFiles()
        let refused = try machine.mptcpize("enable", "--now", Self.unit)
        #expect(refused.status == 1)
        #expect(refused.errors.contains("built by go1."), "\(refused)")
        #expect(refused.errors.contains("`mptcpize enable --mode bpf \(Self.unit)` reaches it"))
        #expect(try machine.unitFiles() == files)
    }

    @Test(
        "a static one: by GODEBUG or refused, as its Go knows MPTCP",
        .requires(.command("go", "readelf")))
    func staticProgram() throws {
        let machine = try ServiceMachine()
        let source = """
            package main

            import "net"

            func main() {
                listener, err := net.Listen("tcp", "127.0.0.1:8000")
                for err == nil {
                    client, _ := listener.Accept()
                    data := make([]byte, 100)
                    n, _ := client.Read(data)
                    client.Write(data[:n])
                    client.Close()
                }
            }

            """
        let program = try Fixtures.go("server", source)
        try mustRun(["cp", program, "\(machine.machine.share)/server"])
        #expect(try !mustRun(["readelf", "-l", program]).contains("INTERP"))
        let version = try mustRun(["go", "env", "GOVERSION"])
        let minor = version.split(separator: ".").dropFirst().first.flatMap {
            Int($0.prefix { $0.isNumber })
        }
        let knowsMPTCP = try #require(minor) >= 21
        try machine.must("cp /tmp/share/server /usr/local/bin/server")
        try machine.add(["go.service": "[Service]\nExecStart=/usr/local/bin/server\n"])
        try machine.must("systemctl start go")
        #expect(try machine.talk(to: 8000, saying: "x") == ("x", false))
        let outcome = try machine.mptcpize("enable", "--now", "go")
        #expect(outcome.succeeded == knowsMPTCP, "\(outcome)")
        if !knowsMPTCP { #expect(outcome.errors.contains("go1.21 and newer do")) }
        #expect(try machine.talk(to: 8000, saying: "x") == ("x", knowsMPTCP))
    }
}
