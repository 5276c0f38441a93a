import Foundation
import TestSupport
import Testing

/// `mptcpize check` of units, and of a host that systemd runs.
@Suite("mptcpize check with systemd", .requires(.systemdMachines))
struct CheckUnitTests {
    private func check(
        _ machine: borrowing ServiceMachine, _ target: String = ""
    ) throws -> [CheckReport.Finding] {
        let outcome = try machine.run("mptcpize check --json \(target)")
        let report = try JSONDecoder().decode(CheckReport.self, from: Data(outcome.output.utf8))
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
        // What only this machine's kernel makes worth knowing (see "Edges that a kernel loses").
        let nginx = try check(machine, "nginx.service").filter { $0.level != "note" }
        #expect(nginx.map(\.level) == ["ok"], "\(nginx)")
        #expect(nginx[0].text == "the preload library reaches /usr/sbin/nginx")
        #expect(nginx[0].next == "mptcpize enable --now nginx.service")
        for (unit, reason) in [
            ("static.service", "statically linked"), ("capable.service", "file capabilities"),
            ("filtered.service", "kills programs that call dup3"), ("own.socket", "came with 257"),
        ] {
            let findings = try check(machine, unit)
            #expect(findings[0].level == "problem", "\(unit): \(findings)")
            #expect(findings[0].text.contains(reason), "\(unit): \(findings)")
            #expect(findings[0].next?.isEmpty == false, "\(unit): \(findings)")
        }
        let missing = try machine.run("mptcpize check nosuch.service")
        #expect(missing.status == 1 && missing.errors.contains("there is no such unit"))

        try machine.must("mptcpize enable nginx")
        let enabled = try check(machine, "nginx.service").filter { $0.level != "note" }
        #expect(enabled.map(\.level) == ["ok", "ok", "problem"], "\(enabled)")
        #expect(enabled[2].next == "systemctl restart nginx.service")
        try machine.must("systemctl restart nginx")
        let running = try check(machine, "nginx.service").filter { $0.level != "note" }
        #expect(running.map(\.level) == ["ok", "ok"], "\(running)")

        let listeners = try machine.must("mptcpize sockets --listening --unit nginx")
        #expect(listeners.contains(#/LISTEN listening 0\.0\.0\.0:80 .* nginx\(/#), "\(listeners)")
        let others = try machine.must("mptcpize sockets --listening --unit dbus.service")
        #expect(!others.contains("nginx"), "\(others)")
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
        // The note is on what asyncio makes of sockets that it is handed.
        func levels() throws -> [String] {
            try check(machine, "private.service").map(\.level).filter { $0 != "note" }
        }
        #expect(try Set(levels()) == ["ok"])
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
        #expect(try Set(levels()) == ["ok"])

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

    /// A connection profile of NetworkManager's, for one link.
    private func profile(_ name: String, link: Int) -> String {
        """
        [connection]
        id=\(name)
        uuid=00000000-0000-4000-8000-00000000000\(link)
        type=ethernet
        interface-name=eth\(link)

        [ipv4]
        method=manual
        address1=10.9.\(link).1/24,10.9.\(link).2
        [ipv6]
        method=disabled
        """
    }

    @Test("several links: NetworkManager makes the endpoints, where it does")
    func networkManager() throws {
        let machine = try ServiceMachine(.trixie)
        let profiles = "/etc/NetworkManager/system-connections"
        try machine.must(
            """
            ip netns add peer
            for link in 1 2 3; do
                ip link add eth$link type veth peer name eth$link netns peer
                ip -n peer address add 10.9.$link.2/24 dev eth$link
                ip -n peer link set eth$link up
            done
            # Without udev, NetworkManager would wait for it; where /sys cannot be written, not.
            mount -o remount,ro,bind /sys
            """)
        try machine.write(
            "[main]\nplugins=keyfile\nno-auto-default=*\n",
            to: "/etc/NetworkManager/NetworkManager.conf")
        for link in 1...2 {
            try machine.write(
                profile("uplink: \(link)", link: link), to: "\(profiles)/eth\(link).nmconnection")
        }
        try machine.must(
            """
            chmod 600 \(profiles)/*
            systemctl start NetworkManager
            nm-online --wait-for-startup --quiet --timeout 60
            """)
        let made = try check(machine)
        let shown = try machine.must("ip mptcp endpoint show; nmcli device status")
        let manager = try #require(
            made.first { $0.subject == "NetworkManager" }, "\(made) \(shown)")
        #expect(manager.level == "ok")
        #expect(
            manager.text == "makes the endpoints of eth1 (connection “uplink: 1”), eth2"
                + " (connection “uplink: 2”): connection.mptcp-flags", "\(manager) \(shown)")
        #expect(made.filter { $0.subject.hasPrefix("endpoint ") }.count == 2)

        // The same endpoints, made by hand, on links with which it has nothing to do.
        try machine.must(
            """
            for link in 1 2; do nmcli device set eth$link managed no; done
            ip mptcp endpoint flush
            for link in 1 2; do
                ip address replace 10.9.$link.1/24 dev eth$link; ip link set eth$link up
                ip mptcp endpoint add 10.9.$link.1 dev eth$link subflow
            done
            """)
        let byHand = try check(machine)
        #expect(byHand.filter { $0.subject.hasPrefix("endpoint ") }.count == 2)
        #expect(!byHand.contains { $0.subject == "NetworkManager" }, "\(byHand)")
        try machine.must("ip mptcp endpoint flush")
        let unmanaged = try #require(try check(machine).first { $0.subject == "endpoints" })
        #expect(unmanaged.level == "problem" && !unmanaged.text.contains("NetworkManager"))
        #expect(unmanaged.next?.hasPrefix("ip mptcp endpoint add 10.9.") == true, "\(unmanaged)")

        // Its own again, with MPTCP off where the default route is, and no such route elsewhere.
        try machine.must(
            """
            sed -i 's/^interface-name.*/&\\nmptcp-flags=1/' \(profiles)/eth2.nmconnection
            sed -i 's/^address1.*/&\\nnever-default=true/' \(profiles)/eth1.nmconnection
            nmcli connection reload
            for link in 1 2; do
                nmcli device set eth$link managed yes
                nmcli --wait 60 connection up "uplink: $link"
            done
            """)
        let off = try #require(try check(machine).first { $0.subject == "endpoints" })
        #expect(off.level == "problem")
        let reason =
            "NetworkManager makes none for eth1: connection “uplink: 1” has no default route"
        #expect(off.text.contains(reason), "\(off)")
        let command = try #require(off.next)
        #expect(command.hasPrefix("nmcli connection modify "), "\(off)")
        try machine.must(command)
        let mended = try check(machine)
        let maker = try #require(mended.first { $0.subject == "NetworkManager" }, "\(mended)")
        #expect(maker.text.hasPrefix("makes the endpoints of eth1 (connection “uplink: 1”):"))
        try machine.must(
            """
            nmcli connection modify 'uplink: 1' connection.mptcp-flags disabled
            nmcli device reapply eth1
            """)
        let disabled = try #require(try check(machine).first { $0.subject == "endpoints" })
        #expect(disabled.text.contains("MPTCP is off in connection “uplink: 1”"), "\(disabled)")

        // Off for all connections that say nothing of their own.
        try machine.must(
            """
            sed -i /mptcp-flags/d \(profiles)/*
            printf '[connection]\\nconnection.mptcp-flags=1\\n' >>/etc/NetworkManager/NetworkManager.conf
            systemctl restart NetworkManager
            ip mptcp endpoint flush
            nm-online --wait-for-startup --quiet --timeout 60
            for link in 1 2; do nmcli --wait 60 connection up "uplink: $link"; done
            """)
        let general = try #require(try check(machine).first { $0.subject == "endpoints" })
        #expect(general.text.contains("MPTCP is off in connection “uplink: 1”"), "\(general)")

        // A bridge of containers is no way out.
        try machine.must(
            """
            systemctl stop NetworkManager
            ip link delete eth2
            ip link add docker0 type bridge; ip link set eth3 master docker0
            ip address add 172.17.0.1/16 dev docker0; ip link set docker0 up; ip link set eth3 up
            until ip -brief link show docker0 | grep -q ' UP '; do sleep 0.05; done
            """)
        let bridged = try #require(try check(machine).first { $0.subject == "endpoints" })
        #expect(bridged.level == "note" && bridged.text.contains("only one interface (eth1)"))
    }
}
