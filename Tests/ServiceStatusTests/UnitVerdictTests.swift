import Launch
import Testing

@testable import ServiceStatus
@testable import SystemdUnits

/// What is said of a unit follows from what its processes and their sockets are.
@Suite("The verdict on a unit")
struct UnitVerdictTests {
    private func process(
        _ program: String, _ pid: Int32, _ cause: UnreachedCause? = nil, tcp: [UInt16] = [],
        mptcp: [UInt16] = [], reason: TCPListener.Reason = .unknown(otherLibraries: [])
    ) -> UnitProcess {
        var sockets = UnitSockets()
        sockets.tcpListeners = tcp.map {
            TCPListener(port: $0, inode: UInt32($0), reason: reason)
        }
        sockets.listeningTCP = tcp.count
        sockets.listeningMPTCP = mptcp.count
        sockets.ports = Set(tcp + mptcp)
        return UnitProcess(
            RunningProcess(
                pid: pid, program: program, reach: cause == nil ? .preload : .none),
            cause: cause, sockets: sockets)
    }

    private func verdict(_ processes: UnitProcess...) -> UnitVerdict {
        UnitVerdict(UnitName("x.service")!, processes: processes)
    }

    @Test("all of it: only where MPTCP was seen on a socket")
    func whole() {
        let seen = verdict(process("nginx", 1, mptcp: [80]), process("nginx", 2, mptcp: [80]))
        #expect(seen.isWhole && seen.isSuccess)
        #expect(seen.claim == "it uses MPTCP")
        let unseen = verdict(process("client", 1))
        #expect(!unseen.isWhole && unseen.isSuccess)
        #expect(unseen.claim == "its process was reached, and has no MPTCP socket now")
        #expect(
            verdict(process("a", 1), process("b", 2)).claim
                == "its 2 processes were reached, and have no MPTCP socket now")
        let none = verdict()
        #expect(!none.isWhole && none.isSuccess)
        #expect(none.claim == "none of its programs runs now")
    }

    @Test("a listener's holder was not reached: no success, and the sentence says who and why")
    func listenerUnreached() {
        let squid = verdict(
            process("squid", 144), process("squid", 146, .secure(nil), tcp: [3128]),
            process(
                "log_file_daemon", 147, .environment(startedBy: .init(pid: 146, program: "squid"))))
        #expect(!squid.isSuccess && !squid.isWhole && !squid.wantsRestart)
        #expect(
            squid.claim
                == "1 of 3 processes uses MPTCP; squid (146), which holds port 3128, was not "
                + "reached: its loader ignores LD_PRELOAD (it changes its user before it starts the "
                + "next program); log_file_daemon (147) was not reached: squid (146), which was not "
                + "reached, started it without LD_PRELOAD")
    }

    @Test("helpers without a listener were not reached: success, and it is said")
    func helpersUnreached() {
        let dovecot = verdict(
            process("dovecot", 1, mptcp: [143]), process("anvil", 2, .environment(startedBy: nil)),
            process("log", 3, .environment(startedBy: nil)))
        #expect(dovecot.isSuccess && !dovecot.isWhole)
        #expect(dovecot.claim.hasPrefix("1 of 3 processes uses MPTCP; anvil (2) was not reached: "))
        // Without any listener, every process counts.
        #expect(
            !verdict(process("sh", 1), process("curl", 2, .environment(startedBy: nil))).isSuccess)
    }

    @Test("several of one program are one line")
    func groups() {
        let cause = UnreachedCause.environment(startedBy: nil)
        let postgres = verdict(
            process("postgres", 6, cause, tcp: [5432, 5433]), process("postgres", 7, cause),
            process("postgres", 8, cause), process("postgres", 9, cause))
        #expect(
            postgres.claim
                == "0 of 4 processes use MPTCP; postgres (6, 7, 8 and 1 more), which hold "
                + "ports 5432, 5433, were not reached: \(cause.reasonOfSeveral)")
        #expect(
            cause.reasonOfSeveral
                == "they were started with an environment of their own, without LD_PRELOAD")
        #expect(
            postgres.prediction(after: "`systemctl restart x.service`")
                == "after `systemctl restart x.service` 0 of 4 processes use MPTCP; "
                + "postgres (6, 7, 8 and 1 more), which hold ports 5432, 5433, will not be reached: "
                + cause.reasonOfSeveral)
    }

    @Test("an option made the listener TCP: reached, and not claimed")
    func demoted() {
        let kamailio = verdict(
            process("kamailio", 1, tcp: [5060], reason: .option("TCP_USER_TIMEOUT")),
            process("kamailio", 2, tcp: [5060], reason: .option("TCP_USER_TIMEOUT")))
        #expect(kamailio.isSuccess && !kamailio.isWhole)
        #expect(
            kamailio.claim == "all 2 processes were reached; port 5060 of kamailio (1) is TCP: "
                + "TCP_USER_TIMEOUT made it TCP")
        let reasons: [(TCPListener.Reason, String)] = [
            (.mptcpOff(pid: nil), "net.mptcp.enabled is 0 in its network namespace"),
            (.besideKernel, "it was made before the cgroup was attached, or by io_uring"),
            (
                .unknown(otherLibraries: ["/usr/lib/libtorsocks.so"]),
                "its socket() may have gone past the preload library, through "
                    + "/usr/lib/libtorsocks.so, which LD_PRELOAD names too"
            ),
        ]
        for (reason, words) in reasons {
            let verdict = verdict(process("a", 1, tcp: [1], reason: reason))
            #expect(verdict.claim == "its process was reached; port 1 of a (1) is TCP: \(words)")
        }
    }

    @Test("what has been there since before is what a restart is for")
    func older() {
        let nginx = verdict(
            process("nginx", 1, .olderThanDropIn, tcp: [80]),
            process("nginx", 2, .olderThanDropIn, tcp: [80]))
        #expect(nginx.wantsRestart && !nginx.isSuccess)
        #expect(
            verdict(process("nginx", 1, tcp: [80])).prediction(after: "`x`")
                == "it uses MPTCP after `x`")
    }
}
