import Foundation
import TestSupport
import Testing

/// The same of units of our own: wrappers, start scripts, and what scripts are told.
@Suite("Claims on units", .requires(.systemdMachines))
struct UnitClaimTests {
    @Test("wrappers in ExecStart=")
    func wrappers() throws {
        let machine = try ServiceMachine()
        let relay = "/usr/bin/socat TCP-LISTEN:8001,fork,reuseaddr PIPE"
        try machine.add([
            "sudo.service": "[Service]\nExecStart=/usr/bin/sudo -u nobody \(relay)\n",
            "login.service": "[Service]\nExecStart=/sbin/runuser -l root -c 'exec \(relay)'\n",
            "emptied.service": "[Service]\nExecStart=/usr/bin/env -i \(relay)\n",
            "elsewhere.service":
                "[Service]\nExecStart=/usr/bin/systemd-run --scope \(relay)\n",
            "nothing.service":
                "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/echo\n",
        ])
        for (unit, reason, remedy) in [
            ("sudo", "sudo starts its program with an environment of its own", "set User="),
            ("login", "runuser starts its program with an environment", "--mode bpf"),
            ("emptied", "env starts its program with an environment", "--mode bpf"),
            ("elsewhere", "in a unit of its own", "mptcpize run PROGRAM"),
            ("nothing", "runs nothing itself", "systemctl list-dependencies"),
        ] {
            let outcome = try machine.mptcpize("enable", unit)
            #expect(outcome.status == 1 && outcome.output == "", "\(outcome)")
            #expect(outcome.errors.contains(reason), "\(outcome)")
            #expect(outcome.errors.contains(remedy), "\(outcome)")
        }
    }

    @Test("start scripts that hide what only a start shows: emptied, chroot, static, noexec")
    func startScripts() throws {
        let machine = try ServiceMachine()
        try machine.write(
            """
            #!/bin/sh
            case $1 in
            emptied) shift; exec env -i PATH=$PATH "$@" ;;
            chroot) shift; exec chroot /srv/root "$@" ;;
            child) shift; "$@" & wait ;;
            esac

            """, to: "/usr/local/bin/begin")
        try machine.must(
            """
            chmod 755 /usr/local/bin/begin
            mkdir -p /srv/root/usr/bin; cp /usr/bin/socat /srv/root/usr/bin/
            for library in $(ldd /usr/bin/socat | grep -o '/[^ ]*'); do
                mkdir -p "/srv/root$(dirname $library)"; cp -L $library "/srv/root$library"
            done
            """)
        func relay(_ port: Int) -> String {
            "/usr/bin/socat TCP-LISTEN:\(port),fork,reuseaddr PIPE"
        }
        try machine.add([
            "emptied.service":
                "[Service]\nExecStart=/usr/local/bin/begin emptied \(relay(8001))\n",
            "rooted.service": "[Service]\nExecStart=/usr/local/bin/begin chroot \(relay(8002))\n",
            "static.service":
                "[Service]\nExecStart=/usr/local/bin/begin child /bin/busybox httpd -f -p 8003 -h /srv\n",
        ])
        try machine.must("systemctl start emptied rooted static")
        for (unit, port, reason) in [
            ("emptied", 8001, "environment of its own, without LD_PRELOAD"),
            ("rooted", 8002, "it has a root of its own"),
            ("static", 8003, "statically linked"),
        ] {
            #expect(
                try poll(within: .seconds(60)) { try machine.listeners().tcp.contains(port) })
            // It runs, so that it can be foreseen.
            let later = try machine.must("mptcpize enable \(unit)")
            #expect(later.contains("which holds port \(port), will not be reached"), "\(later)")
            try machine.must("mptcpize disable \(unit)")
            try machine.expectTakenBack(
                "\(unit).service",
                says: ["which holds port \(port), was not reached", reason], port: port)
        }
    }

    @Test("a library on a file system that is mounted noexec")
    func noexec() throws {
        let machine = try ServiceMachine()
        try machine.add([
            "relay.service":
                "[Service]\nExecStart=/usr/bin/socat TCP-LISTEN:8001,fork,reuseaddr PIPE\n"
        ])
        try machine.must(
            """
            cp -a /usr/local/lib /opt/lib; systemctl start relay
            mkdir /opt/noexec; mount -t tmpfs -o noexec tmpfs /opt/noexec
            cp -a /usr/local/lib /opt/noexec/
            """)
        let outcome = try machine.run(
            "MPTCPIZE_LIBRARY=/opt/noexec/lib mptcpize enable --now relay")
        #expect(outcome.status == 1, "\(outcome)")
        #expect(outcome.errors.contains("mounted noexec"), "\(outcome)")
        #expect(outcome.errors.contains("/opt/noexec/lib/"), "\(outcome)")
        #expect(try machine.talk(to: 8001, saying: "x") == ("x", false))
        let check = try machine.run("MPTCPIZE_LIBRARY=/opt/noexec/lib mptcpize check relay.service")
        #expect(check.output.contains("noexec"), "\(check)")
    }

    @Test("nginx after USR2: the new processes have another environment, and status says so")
    func upgradedMaster() throws {
        let machine = try ServiceMachine()
        try machine.must("systemctl start nginx; mptcpize enable --now nginx")
        try machine.must("kill -USR2 $(cat /run/nginx.pid)")
        #expect(
            try poll(within: .seconds(60)) {
                try machine.run("[ -e /run/nginx.pid.oldbin ]").succeeded
            })
        #expect(
            try poll(within: .seconds(60)) {
                try machine.status(of: "nginx").processes.contains { $0.reachedBy == "none" }
            })
        let status = try machine.must("mptcpize status nginx")
        #expect(
            status.contains("not reached: they were started with an environment of their own"),
            "\(status)")
        #expect(!status.contains("systemctl restart"), "\(status)")
    }

    @Test("for scripts: one JSON document, with what changed and what did not")
    func documents() throws {
        let machine = try ServiceMachine()
        try machine.must("systemctl start nginx")
        let first = try machine.document("mptcpize enable --now --json nginx redis-server")
        #expect(first.changed && first.error == nil)
        #expect(first.units.map(\.unit) == ["nginx.service", "redis-server.service"])
        #expect(first.units.map(\.changed) == [true, true])
        #expect(first.units[0].restarted == ["nginx.service"])
        #expect(first.units[1].restarted.isEmpty && first.units[1].processes?.isEmpty == true)
        #expect(first.units[0].reason == nil)
        #expect(first.units[0].processes?.allSatisfy { $0.reachedBy == "preload" } == true)
        let second = try machine.document("mptcpize enable --now --json nginx redis-server")
        #expect(!second.changed && second.units.allSatisfy { !$0.changed && $0.enabled })
        let status = try machine.must("mptcpize status --json nginx")
        #expect(status.contains("\"changed\": false") && status.contains("\"whole\": true"))
        let third = try machine.document("mptcpize disable --json nginx redis-server")
        #expect(third.units.map(\.changed) == [true, true])
        #expect(third.units[0].reason == "it uses MPTCP until it is restarted")
        let fourth = try machine.document("mptcpize disable --json nginx")
        #expect(!fourth.changed && !fourth.units[0].changed && !fourth.units[0].enabled)
        let failed = try machine.document("mptcpize enable --json nosuch")
        #expect(!failed.changed && failed.units.isEmpty)
        #expect(failed.error?.object == "nosuch.service")
        #expect(failed.error?.reason == "there is no such unit")
    }

    @Test("what does not run is not claimed; what has no socket is not either")
    func unseen() throws {
        let machine = try ServiceMachine()
        try machine.must("systemctl stop nginx")
        let idle = try machine.must("mptcpize enable --now nginx")
        #expect(idle.contains("it does not run") && !idle.contains("uses MPTCP"), "\(idle)")
        #expect(idle.contains("`mptcpize status nginx.service`"))
        try machine.add(["quiet.service": "[Service]\nExecStart=/bin/sleep 1000\n"])
        try machine.must("systemctl start quiet")
        let quiet = try machine.must("mptcpize enable --now quiet")
        #expect(quiet.contains("its process was reached, and has no MPTCP socket now"), "\(quiet)")
        // MPTCP off: reached, and TCP.
        try machine.must("systemctl start redis-server; echo 0 >/proc/sys/net/mptcp/enabled")
        let off = try machine.must("mptcpize enable --now redis-server")
        #expect(off.contains("is TCP: net.mptcp.enabled is 0"), "\(off)")
        #expect(off.contains("sysctl -w net.mptcp.enabled=1"))
        #expect(try machine.listeners().tcp.contains(6379))
    }
}
