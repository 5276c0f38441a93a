import Foundation
import TestSupport
import Testing

/// What is said of a service is what its processes and sockets are: never "uses MPTCP" of what
/// does not, never "restart" where that does not help.
@Suite("Claims on packaged services", .requires(.systemdMachines))
struct ClaimTests {
    @Test("squid, which changes its user before it starts its worker", .requires(.command("squid")))
    func squid() throws {
        let machine = try ServiceMachine()
        // Its configuration waits half a minute for clients whenever it stops.
        try machine.must(
            """
            echo "shutdown_lifetime 1 second" >/etc/squid/conf.d/mptcpize.conf
            systemctl start squid
            """)
        // Between fork and exec a helper of squid's holds the port too.
        var foreseen = try machine.run("mptcpize check squid.service")
        let isTold = try poll(within: .seconds(60)) {
            if foreseen.output.contains("which holds port 3128, will not be reached: its loader") {
                return true
            }
            foreseen = try machine.run("mptcpize check squid.service")
            return false
        }
        #expect(isTold && foreseen.status == 1, "\(foreseen)")
        let later = try machine.must("mptcpize enable squid")
        #expect(later.contains("1 of ") && later.contains("will not be reached"), "\(later)")
        #expect(!later.contains("uses MPTCP after"), "\(later)")
        try machine.must("mptcpize disable squid")
        try machine.expectTakenBack(
            "squid.service",
            says: [
                ", which holds port 3128, was not reached: its loader ignores LD_PRELOAD (it changes "
                    + "its user before it starts the next program)",
                "`mptcpize enable --mode bpf squid.service` reaches it",
            ], port: 3128)

        // Kept where that is asked for, and said; the cause in `status` is no restart.
        let partial = try machine.mptcpize("enable", "--now", "--allow-partial", "squid")
        #expect(partial.succeeded, "\(partial)")
        #expect(partial.output.contains("uses MPTCP; squid ("), "\(partial)")
        #expect(!partial.output.contains("it uses MPTCP"), "\(partial)")
        let status = try machine.must("mptcpize status squid")
        #expect(status.contains("which holds port 3128, was not reached"), "\(status)")
        #expect(!status.contains("systemctl restart"), "\(status)")
        #expect(try machine.listeners().tcp.contains(3128))
        let json = try machine.document("mptcpize enable --json squid")
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
        try machine.expectTakenBack(
            unit,
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
        #expect(enabled.output.contains("it uses MPTCP"), "\(enabled)")
        #expect(try machine.listeners().mptcp.contains(5432))
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
        let (tcp, mptcp) = try machine.listeners()
        #expect(mptcp.contains(143) && !tcp.contains(143), "\(enabled)")
        let mapped = try machine.mapped("dovecot.service")
        let reached = mapped.count { $0 }
        #expect(reached > 0 && reached < mapped.count)
        #expect(enabled.output.contains("\(reached) of "), "\(enabled)")
        #expect(
            enabled.output.contains(
                "was not reached: it was started with an environment of its own"))
        #expect(!enabled.output.contains("it uses MPTCP"))
        let document = try machine.document("mptcpize enable --json dovecot")
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

    @Test(
        "kamailio, which sets TCP_USER_TIMEOUT on its listener: MPTCP all the same",
        .requires(.command("kamailio")))
    func kamailio() throws {
        let machine = try ServiceMachine()
        try machine.must("systemctl start kamailio")
        let enabled = try machine.mptcpize("enable", "--now", "kamailio")
        #expect(enabled.succeeded, "\(enabled)")
        #expect(enabled.output.contains("it uses MPTCP"), "\(enabled)")
        let (tcp, mptcp) = try machine.listeners()
        #expect(mptcp.contains(5060) && !tcp.contains(5060), "\(enabled)")
        #expect(try machine.mapped("kamailio.service").allSatisfy { $0 })
        try machine.must("mptcpize disable --now kamailio")
        #expect(try machine.listeners().tcp.contains(5060))
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
