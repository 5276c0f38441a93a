import Foundation
import TestSupport
import Testing

/// `mptcpize check` of units, and of a host that systemd runs.
@Suite("mptcpize check with systemd", .requires(.systemdMachines))
struct CheckUnitTests {
    private struct Report: Decodable {
        struct Finding: Decodable {
            let level: String
            let subject: String
            let text: String
            let next: String?
        }

        let findings: [Finding]
    }

    private func check(
        _ machine: borrowing ServiceMachine, _ target: String = ""
    ) throws -> [Report.Finding] {
        let outcome = try machine.run("mptcpize check --json \(target)")
        let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
        let hasProblem = report.findings.contains { $0.level == "problem" }
        #expect(outcome.status == (hasProblem ? 1 : 0), "\(outcome)")
        return report.findings
    }

    @Test("units: the way in, why not, what is on already")
    func units() throws {
        let machine = try ServiceMachine()
        try machine.add([
            "static.service": "[Service]\nExecStart=/bin/busybox nc -l -p 8001\n",
            "capable.service": "[Service]\nUser=nobody\nExecStart=/usr/local/bin/capable\n",
            "filtered.service":
                "[Service]\nSystemCallFilter=~dup3\nExecStart=/usr/bin/socat - -\n",
            "own.socket": "[Socket]\nListenStream=8001\n",
            "own.service": "[Service]\nExecStart=/bin/cat\n",
        ])
        try machine.must(
            """
            cp /usr/bin/socat /usr/local/bin/capable
            setcap cap_net_bind_service+ep /usr/local/bin/capable
            systemctl start nginx
            """)
        let nginx = try check(machine, "nginx.service")
        #expect(nginx.map(\.level) == ["ok"], "\(nginx)")
        #expect(nginx[0].text == "the preload library reaches /usr/sbin/nginx")
        #expect(nginx[0].next == "mptcpize enable --now nginx.service")
        for (unit, reason) in [
            ("static.service", "statically linked"), ("capable.service", "file capabilities"),
            ("filtered.service", "kills on dup3"), ("own.socket", "came with 257"),
        ] {
            let findings = try check(machine, unit)
            #expect(findings[0].level == "problem", "\(unit): \(findings)")
            #expect(findings[0].text.contains(reason), "\(unit): \(findings)")
            #expect(findings[0].next?.isEmpty == false, "\(unit): \(findings)")
        }
        let missing = try machine.run("mptcpize check nosuch.service")
        #expect(missing.status == 1 && missing.errors.contains("there is no such unit"))

        try machine.must("mptcpize enable nginx")
        let enabled = try check(machine, "nginx.service")
        #expect(enabled.map(\.level) == ["ok", "ok", "problem"], "\(enabled)")
        #expect(enabled[2].next == "systemctl restart nginx.service")
        try machine.must("systemctl restart nginx")
        #expect(try check(machine, "nginx.service").map(\.level) == ["ok", "ok"])
    }

    @Test("MPTCP of a packaged service's own is named")
    func native() throws {
        // No packaged one has it yet; what tells is in the program's file.
        let machine = try ServiceMachine()
        try machine.must("mkdir /opt/bin; cp /usr/sbin/nginx /opt/bin/nginx")
        try machine.must("printf multipath >>/opt/bin/nginx")
        try machine.add(["web.service": "[Service]\nExecStart=/opt/bin/nginx -g 'daemon off;'\n"])
        let findings = try check(machine, "web.service")
        #expect(findings.contains { $0.text.contains("`listen … multipath;`") }, "\(findings)")
    }

    @Test("a service in a network namespace of its own, where MPTCP is off")
    func namespaces() throws {
        let machine = try ServiceMachine()
        try machine.add([
            "private.service": """
            [Service]
            PrivateNetwork=yes
            ExecStart=/usr/bin/python3 -m http.server 8000
            """
        ])
        try machine.must("systemctl start private")
        #expect(try check(machine, "private.service").map(\.level) == ["ok"])
        let main = "$(systemctl show -P MainPID private)"
        try machine.must("nsenter --net -t \(main) sh -c 'echo 0 >/proc/sys/net/mptcp/enabled'")
        for findings in [try check(machine, "private.service"), try check(machine)] {
            let problem = try #require(
                findings.first { $0.subject == "private.service" && $0.level == "problem" })
            #expect(problem.text.contains("net.mptcp.enabled is 0 in its own network namespace"))
            let command = try #require(problem.next)
            #expect(command.hasPrefix("nsenter --net --target "))
        }
        let remedy = try check(machine, "private.service").last?.next ?? "false"
        try machine.must(remedy)
        #expect(try check(machine, "private.service").map(\.level) == ["ok"])

        try machine.must("systemctl start nginx; echo 0 >/proc/sys/net/mptcp/enabled")
        #expect(try check(machine, "nginx.service").last?.next == "sysctl -w net.mptcp.enabled=1")
    }

    @Test(
        "the host: which systemd, and whether it opens MPTCP sockets",
        arguments: ServiceMachine.System.allCases)
    func systemd(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        let version = try machine.must("systemctl --version").split(separator: "\n")[0]
        let finding = try #require(try check(machine).first { $0.subject == "systemd" })
        #expect(finding.text.hasPrefix(version))
        let isSupported = try machine.run("mptcpize enable --dry-run ssh.socket").succeeded
        #expect(finding.level == (isSupported ? "ok" : "note"), "\(finding)")
        #expect(isSupported == (system == .trixie))
    }

    @Test("several links and no endpoint: NetworkManager's own way where it runs")
    func networkManager() throws {
        let machine = try ServiceMachine()
        try machine.must(
            """
            ip netns add peer
            for link in 1 2; do
                ip link add eth$link type veth peer name eth$link netns peer
                ip address add 10.9.$link.1/24 dev eth$link
                ip link set eth$link up; ip netns exec peer ip link set eth$link up
            done
            """)
        let without = try #require(try check(machine).first { $0.subject == "endpoints" })
        #expect(without.next?.hasPrefix("ip mptcp endpoint add") == true, "\(without)")
        try machine.add([
            "NetworkManager.service":
                "[Service]\nRuntimeDirectory=NetworkManager\nExecStart=/bin/sleep 1000\n"
        ])
        try machine.must("systemctl start NetworkManager")
        let with = try #require(try check(machine).first { $0.subject == "endpoints" })
        #expect(with.next?.contains("nmcli") == true, "\(with)")
    }
}
