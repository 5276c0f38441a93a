import Foundation
import TestSupport
import Testing

/// What is said of a service is what its processes and sockets are: never "uses MPTCP" of what
/// does not, never "restart" where that does not help.
@Suite("Claims on services", .requires(.systemdMachines))
struct ClaimTests {
    private struct Document: Decodable {
        struct Unit: Decodable {
            struct Process: Decodable {
                let pid: Int
                let program: String
                let reachedBy: String
                let cause: String?
                let tcpPorts: [Int]
            }

            let unit: String
            let changed: Bool
            let enabled: Bool
            let restarted: [String]
            let reason: String?
            let next: String?
            let processes: [Process]?
        }

        struct Problem: Decodable {
            let object: String
            let reason: String
            let next: String?
        }

        let changed: Bool
        let units: [Unit]
        let error: Problem?
    }

    private func document(
        _ machine: borrowing ServiceMachine, _ command: String
    ) throws -> Document {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Document.self, from: Data(machine.run(command).output.utf8))
    }

    /// Listening ports of TCP and of MPTCP, as ss(8) tells them.
    private func listeners(
        _ machine: borrowing ServiceMachine
    ) throws -> (tcp: Set<Int>, mptcp: Set<Int>) {
        func ports(_ option: String) throws -> Set<Int> {
            let rows = try machine.must("ss -Hnl\(option)").split(separator: "\n")
            return Set(
                rows.compactMap { row in
                    let fields = row.split(separator: " ")
                    return fields.count > 3
                        ? fields[3].split(separator: ":").last.flatMap { Int($0) } : nil
                })
        }
        let mptcp = try ports("M")
        return (try ports("t").subtracting(mptcp), mptcp)
    }

    /// Whether the library is mapped as program text into processes of a unit, by /proc.
    private func mapped(
        _ machine: borrowing ServiceMachine, _ unit: String
    ) throws -> [Bool] {
        try machine.must(
            """
            for pid in $(cat /sys/fs/cgroup$(systemctl show -P ControlGroup \(unit))/cgroup.procs)
            do grep -q 'r-xp.*libmptcpize' /proc/$pid/maps && echo 1 || echo 0; done
            """
        ).split(separator: "\n").map { $0 == "1" }
    }

    /// Has `enable --now` take everything back, and sees that it did.
    private func expectTakenBack(
        _ machine: borrowing ServiceMachine, _ unit: String, says parts: [String], port: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let files = try machine.unitFiles()
        let outcome = try machine.mptcpize("enable", "--now", unit)
        #expect(outcome.status == 1, "\(outcome)", sourceLocation: sourceLocation)
        #expect(outcome.output == "", sourceLocation: sourceLocation)
        #expect(
            outcome.errors.split(separator: "\n").count == 1, "\(outcome)",
            sourceLocation: sourceLocation)
        for part in parts {
            #expect(
                outcome.errors.contains(part), "\(part) in \(outcome)",
                sourceLocation: sourceLocation)
        }
        #expect(
            outcome.errors.contains("it runs as before again"), sourceLocation: sourceLocation)
        #expect(try machine.unitFiles() == files, sourceLocation: sourceLocation)
        #expect(
            try machine.must("systemctl is-active \(unit)") == "active\n",
            sourceLocation: sourceLocation)
        #expect(
            try mapped(machine, unit).allSatisfy { !$0 }, "\(outcome)",
            sourceLocation: sourceLocation)
        #expect(
            try poll(within: .seconds(60)) { try listeners(machine).tcp.contains(port) },
            sourceLocation: sourceLocation)
    }

    @Test("squid, which changes its user before it starts its worker", .requires(.command("squid")))
    func squid() throws {
        let machine = try ServiceMachine()
        try machine.must("systemctl start squid")
        let foreseen = try machine.run("mptcpize check squid.service")
        #expect(foreseen.status == 1, "\(foreseen)")
        #expect(
            foreseen.output.contains("which holds port 3128, will not be reached: its loader"),
            "\(foreseen)")
        let later = try machine.must("mptcpize enable squid")
        #expect(later.contains("1 of ") && later.contains("will not be reached"), "\(later)")
        #expect(!later.contains("uses MPTCP after"), "\(later)")
        try machine.must("mptcpize disable squid")
        try expectTakenBack(
            machine, "squid.service",
            says: [
                ", which holds port 3128, was not reached: its loader ignores LD_PRELOAD (it changes "
                    + "its user before it starts the next program)",
                "`mptcpize enable --mode bpf squid.service` reaches it",
            ], port: 3128)

        // Kept where that is asked for, and said; the cause in `status` is no restart.
        let partial = try machine.mptcpize("enable", "--now", "--allow-partial", "squid")
        #expect(partial.succeeded, "\(partial)")
        #expect(partial.output.contains("uses MPTCP; squid ("), "\(partial)")
        #expect(!partial.output.contains("what runs uses MPTCP"), "\(partial)")
        let status = try machine.must("mptcpize status squid")
        #expect(status.contains("which holds port 3128, was not reached"), "\(status)")
        #expect(!status.contains("systemctl restart"), "\(status)")
        #expect(try listeners(machine).tcp.contains(3128))
        let json = try document(machine, "mptcpize enable --json squid")
        #expect(json.changed == false && json.units[0].reason?.contains("3128") == true)
        #expect(json.units[0].processes?.contains { $0.cause == "secure-execution" } == true)
        #expect(try !machine.status(of: "squid").needsRestart)
    }

    @Test("postgresql: the umbrella runs nothing, the cluster's environment is made anew")
    func postgresql() throws {
        let machine = try ServiceMachine()
        let cluster = try machine.must("ls /etc/postgresql").trimmingCharacters(in: .newlines)
        let unit = "postgresql@\(cluster)-main.service"
        try machine.must("systemctl start \(unit) postgresql")
        for verb in ["enable", "enable --now", "enable --mode bpf", "check"] {
            let outcome = try machine.run("mptcpize \(verb) postgresql.service")
            let text = outcome.output + outcome.errors
            #expect(outcome.status == 1, "\(outcome)")
            #expect(text.contains("runs nothing itself"), "\(outcome)")
            #expect(text.contains("mptcpize enable --now \(unit)"), "\(outcome)")
        }
        #expect(
            try machine.must("mptcpize status postgresql").contains("runs nothing itself"))
        try expectTakenBack(
            machine, unit,
            says: [
                "0 of ", "postgres (", "which hold port 5432",
                "they were started with an environment of their own, without LD_PRELOAD",
                "--mode bpf \(unit)",
            ], port: 5432)
        // The file that pg_ctlcluster takes the environment from.
        try machine.write(
            "LD_PRELOAD = '/usr/local/lib/x86_64-linux-gnu/mptcpize/libmptcpize.so'\n",
            to: "/etc/postgresql/\(cluster)/main/environment")
        let enabled = try machine.mptcpize("enable", "--now", unit)
        #expect(enabled.output.contains("what runs uses MPTCP"), "\(enabled)")
        #expect(try listeners(machine).mptcp.contains(5432))
    }

    @Test("tor: an umbrella over an instance", .requires(.command("tor")))
    func tor() throws {
        let machine = try ServiceMachine()
        let outcome = try machine.mptcpize("enable", "tor")
        #expect(outcome.errors.contains("tor.service: runs nothing itself"), "\(outcome)")
        #expect(outcome.errors.contains("tor@default.service`"), "\(outcome)")
    }

    @Test(
        "dovecot: its listeners are MPTCP, its workers have another environment",
        .requires(.command("dovecot")))
    func dovecot() throws {
        let machine = try ServiceMachine()
        try machine.must(
            """
            rm -f /etc/dovecot/conf.d/10-ssl.conf; echo 'ssl = no' >/etc/dovecot/local.conf
            systemctl start dovecot
            """)
        let enabled = try machine.mptcpize("enable", "--now", "dovecot")
        #expect(enabled.succeeded, "\(enabled)")
        let (tcp, mptcp) = try listeners(machine)
        #expect(mptcp.contains(143) && !tcp.contains(143), "\(enabled)")
        let mapped = try mapped(machine, "dovecot.service")
        let reached = mapped.count { $0 }
        #expect(reached > 0 && reached < mapped.count)
        #expect(enabled.output.contains("\(reached) of "), "\(enabled)")
        #expect(
            enabled.output.contains(
                "was not reached: it was started with an environment of its own"))
        #expect(!enabled.output.contains("what runs uses MPTCP"))
        let document = try document(machine, "mptcpize enable --json dovecot")
        #expect(!document.changed && document.units[0].reason?.contains("environment") == true)
    }

    @Test(
        "cron and at: their jobs have an environment of their own",
        .requires(.command("atd")), arguments: [("cron", "crontab"), ("atd", "job")])
    func jobs(_ unit: String, _ table: String) throws {
        let machine = try ServiceMachine()
        try machine.must("systemctl start \(unit)")
        for verb in ["enable", "enable --now", "check"] {
            let outcome = try machine.run("mptcpize \(verb) \(unit).service")
            #expect(outcome.status == 1, "\(outcome)")
            let text = outcome.output + outcome.errors
            #expect(text.contains("starts its jobs with an environment of their own"), "\(text)")
            #expect(text.contains("`mptcpize run` before the command in the \(table)"), "\(text)")
        }
    }

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
                try poll(within: .seconds(60)) { try listeners(machine).tcp.contains(port) })
            // It runs, so that it can be foreseen.
            let later = try machine.must("mptcpize enable \(unit)")
            #expect(later.contains("which holds port \(port), will not be reached"), "\(later)")
            try machine.must("mptcpize disable \(unit)")
            try expectTakenBack(
                machine, "\(unit).service",
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
        let first = try document(machine, "mptcpize enable --now --json nginx redis-server")
        #expect(first.changed && first.error == nil)
        #expect(first.units.map(\.unit) == ["nginx.service", "redis-server.service"])
        #expect(first.units.map(\.changed) == [true, true])
        #expect(first.units[0].restarted == ["nginx.service"])
        #expect(first.units[1].restarted.isEmpty && first.units[1].processes?.isEmpty == true)
        #expect(first.units[0].reason == nil)
        #expect(first.units[0].processes?.allSatisfy { $0.reachedBy == "preload" } == true)
        let second = try document(machine, "mptcpize enable --now --json nginx redis-server")
        #expect(!second.changed && second.units.allSatisfy { !$0.changed && $0.enabled })
        let status = try machine.must("mptcpize status --json nginx")
        #expect(status.contains("\"changed\": false") && status.contains("\"whole\": true"))
        let third = try document(machine, "mptcpize disable --json nginx redis-server")
        #expect(third.units.map(\.changed) == [true, true])
        #expect(third.units[0].reason == "what runs uses MPTCP until it is restarted")
        let fourth = try document(machine, "mptcpize disable --json nginx")
        #expect(!fourth.changed && !fourth.units[0].changed && !fourth.units[0].enabled)
        let failed = try document(machine, "mptcpize enable --json nosuch")
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
        #expect(try listeners(machine).tcp.contains(6379))
    }

    @Test("rpcbind: the remedy is none that is refused in its turn", .requires(.command("rpcbind")))
    func rpcbind() throws {
        let machine = try ServiceMachine(.own)
        try machine.must("systemctl start rpcbind.socket || true")
        let outcome = try machine.mptcpize("enable", "rpcbind")
        #expect(outcome.status == 1, "\(outcome)")
        #expect(!outcome.errors.contains("`mptcpize enable rpcbind.socket`"), "\(outcome)")
    }
}
