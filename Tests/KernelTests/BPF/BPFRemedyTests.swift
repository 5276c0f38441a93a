import Foundation
import SocketPolicy
import TestSupport
import Testing

/// What becomes of socket options in the BPF mode, on real kernels.
@Suite("BPF remedies", .serialized, .requires(.bpfMachine))
struct BPFRemedyTests {
    /// What was answered for one option, value and state of a socket.
    struct Answers: Equatable {
        /// setsockopt: "set", or an errno.
        let set: String
        /// getsockopt: "VALUE of LENGTH", or "error ERRNO".
        let get: String

        /// By "LEVEL NUMBER VALUE STATE".
        static func all(_ lines: [String]) -> [String: Answers] {
            var result: [String: Answers] = [:]
            for line in lines {
                let parts = line.components(separatedBy: ": ")
                let words = parts.last?.components(separatedBy: ", ") ?? []
                if parts.count == 2, words.count == 2 {
                    result[parts[0]] = Answers(set: words[0], get: words[1])
                }
            }
            return result
        }
    }

    /// A line of the option table, with a value to try.
    struct Trial {
        let name: String
        let option: mptcpize_option
        let value: Int32

        var key: String { "\(option.level) \(option.number) \(value)" }

        private func isRemedied(_ remedy: mptcpize_remedy) -> Bool {
            UInt32(option.remedy) == remedy.rawValue
        }

        /// Whether the value asks for nothing that MPTCP could not do.
        private var isHarmless: Bool {
            switch mptcpize_hint(UInt32(option.hint)) {
            case MPTCPIZE_HINT_ZERO: value == 0 && !option.is_bytes
            case MPTCPIZE_HINT_INITIAL: value == option.initial || value == -1
            case MPTCPIZE_HINT_PRESENT: value == 0  // no device, and it has none
            default: false
            }
        }

        /// Whether a program is to meet what TCP would answer, rather than a refusal.
        func isMended(in state: String) -> Bool {
            if isRemedied(MPTCPIZE_IGNORE) || isHarmless { return true }
            if isRemedied(MPTCPIZE_ADJUST) { return !option.is_bytes }
            // There is no way to make such a socket TCP: as on a connected one, then, unless
            // that would pretend something.
            return isRemedied(MPTCPIZE_DEMOTE)
                && UInt32(option.otherwise) == MPTCPIZE_IGNORE.rawValue
                && (!option.early || state == "connected" || state == "accepted")
        }

        /// Whether getsockopt answers exactly what it answers over TCP, once it is set.
        var readsAsOverTCP: Bool {
            // Changed by TCP, or by the connection; told by MPTCP itself.
            let others = [
                "TCP_MAXSEG", "TCP_WINDOW_CLAMP", "TCP_DEFER_ACCEPT", "IPV6_MTU", "IPV6_TCLASS",
                "IPV6_ADDR_PREFERENCES",
            ]
            return !option.is_bytes && !others.contains(name)
        }
    }

    /// All options of the table, with what they start with, with something else, and with what
    /// TCP does not take.
    static let trials: [Trial] = {
        var count = 0
        let table = mptcpize_option_table(&count)!
        return (0..<count).flatMap { index -> [Trial] in
            let option = table[index]
            // What is read as bytes is tried where it must not be pretended.
            let isTried = !option.is_bytes || UInt32(option.remedy) == MPTCPIZE_DEMOTE.rawValue
            guard option.level != MPTCPIZE_LEVEL_IOCTL, isTried else { return [] }
            var values: Set<Int32> = [1]
            if !option.is_bytes {
                let other = option.initial == 1 ? 0 : max(option.low, min(option.high, 1))
                values = [option.initial, other]
                if option.high < .max { values.insert(option.high + 1) }
            }
            let name = String(cString: mptcpize_option_label(table + index))
            return values.sorted().map { Trial(name: name, option: option, value: $0) }
        }
    }()

    @Test(
        "what MPTCP refuses is mended inside of a cgroup, and nothing changes elsewhere",
        arguments: BPFMachine.kernels)
    func options(kernel: String) throws {
        let machine = try BPFMachine([
            "states": Fixtures.program("option_states", .staticMusl),
            "remedies": Fixtures.program("socket_remedies", .staticGlibc),
        ])
        try machine.payload.write(
            Self.trials.map { "\($0.key)\n" }.joined(), to: "options")
        let outcome = try machine.run(
            """
            echo 'user:x:1000:1000::/:/bin/sh' >/etc/passwd
            chmod 755 /t; cp states /bin/setuid; chmod 4755 /bin/setuid
            remedied() {
              mptcpize bpf list --json | sed -n 's|.*fs/cgroup/a".*"remedied": \\([0-9]*\\).*|\\1|p'
            }
            echo "== tcp"; ./states options
            echo "== mptcp"; ./states options 262
            mptcpize bpf attach --cgroup $cg/a --cgroup $cg/a/b || exit 1
            echo "== inside"; inside $cg/a ./states options
            echo "== twice"; inside $cg/a/b ./states options
            echo "== moved out"; inside $cg/a sh -c "echo 0 >$cg/c/cgroup.procs; ./states options"
            echo "== outside"; inside $cg/c ./states options 262
            echo "== off"
            inside $cg/a unshare -n sh -c 'ip link set lo up
              echo 0 >/proc/sys/net/mptcp/enabled; exec ./states options'
            echo "== setuid"; inside $cg/a su user -c 'setuid /t/options'
            echo "== cork"; inside $cg/a ./states cork
            echo "== buffers"; inside $cg/a ./remedies small-buffer
            echo "== fallback"; remedied >before
            busybox nc -l -p 9000 >/dev/null &
            until grep -q :2328 /proc/net/tcp /proc/net/tcp6; do :; done
            inside $cg/a ./states to 9000; remedied | cmp - before && echo "by the kernel"
            echo "== detached"; mptcpize bpf detach --all; ls /sys/fs/bpf
            inside $cg/a ./states options 262
            """, kernel: kernel)
        try #require(outcome.succeeded, "\(outcome)")
        let tcp = Answers.all(outcome.section("tcp"))
        let mptcp = Answers.all(outcome.section("mptcp"))
        let inside = Answers.all(outcome.section("inside"))
        try #require([tcp, mptcp, inside].allSatisfy { $0.count == 4 * Self.trials.count })
        for (section, expected) in [
            ("twice", inside), ("setuid", inside), ("outside", mptcp), ("detached", mptcp),
            ("moved out", tcp), ("off", tcp),
        ] {
            let found = Answers.all(outcome.section(section))
            let differing = expected.keys.filter { found[$0] != expected[$0] }
            #expect(differing.isEmpty, "\(section): \(differing.sorted())")
        }
        compare(inside: inside, tcp: tcp, mptcp: mptcp)
        // Corked data would wait for a timer; and no program runs when a socket is closed.
        #expect(
            outcome.section("cork") == [
                "TCP_CORK 1: reads 1, TCP_NODELAY 1", "TCP_CORK 0: reads 0, TCP_NODELAY 1",
            ], "\(outcome)")
        let transfers = outcome.section("buffers").filter { $0.contains("2097152 bytes") }
        #expect(transfers.count == 4, "\(outcome)")
        #expect(outcome.section("buffers").contains("SO_RCVBUF 4096 reads 8192"), "\(outcome)")
        #expect(
            outcome.section("fallback") == ["TCP_USER_TIMEOUT 4321", "by the kernel"],
            "\(outcome)")
    }

    private func compare(
        inside: [String: Answers], tcp: [String: Answers], mptcp: [String: Answers]
    ) {
        for trial in Self.trials {
            for state in ["fresh", "listening", "connected", "accepted"] {
                let key = "\(trial.key) \(state)"
                let (here, tcp, mptcp) = (inside[key]!, tcp[key]!, mptcp[key]!)
                let all = "\(trial.name) \(key): \(here), TCP \(tcp), MPTCP \(mptcp)"
                let isUnknown = "\(ENOPROTOOPT)" == tcp.set
                if trial.isMended(in: state), !isUnknown {
                    // What TCP refuses may be ignored: values are not looked at that closely.
                    #expect(here.set == "set" || here.set == tcp.set, "\(all)")
                    #expect(here.set == "set" || tcp.set != "set", "\(all)")
                    if tcp.set == "set", trial.readsAsOverTCP {
                        #expect(here.get == tcp.get, "\(all)")
                    }
                } else {
                    #expect(here.set == mptcp.set, "\(all)")
                }
            }
        }
    }

    @Test("attach says so, and works, where another program suffers none beside it")
    func exclusive() throws {
        let outcome = try BPFMachine([
            "exclusive": Fixtures.program("exclusive_sockopt", .staticGlibc)
        ]).run(
            """
            ./exclusive $cg/a
            mptcpize bpf attach --cgroup $cg/a --cgroup $cg/c || exit 1
            attached; echo
            mptcpize bpf list --json | grep -o '"remedied": [a-z0-9]*'
            mptcpize bpf detach --all; ls /sys/fs/bpf
            """, kernel: "6.12")
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(
            lines == [
                "mptcpize: /sys/fs/cgroup/a: its sockets become MPTCP, but options that MPTCP "
                    + "refuses fail: another BPF program there allows no second one",
                "a c ", #""remedied": null"#, #""remedied": 0"#,
            ], "\(outcome)")
    }

    @Test("the preload library makes plain TCP where it has to, in an attached cgroup too")
    func demoted() throws {
        let program = try Fixtures.program("own_ttl")
        let name = URL(fileURLWithPath: program).lastPathComponent
        let outcome = try BPFMachine(["preload.so": Products.library()], dynamic: [program]).run(
            """
            export LD_LIBRARY_PATH=/t/lib
            echo "== before"; LD_PRELOAD=/t/preload.so ./\(name)
            mptcpize bpf attach --cgroup $cg/a || exit 1
            echo "== kernel"; inside $cg/a ./\(name)
            echo "== both"; LD_PRELOAD=/t/preload.so inside $cg/a ./\(name)
            """, kernel: "6.12")
        #expect(outcome.section("before") == ["0 6 63"], "\(outcome)")
        #expect(outcome.section("kernel").first?.hasPrefix("-1 262") ?? false, "\(outcome)")
        #expect(outcome.section("both") == ["0 6 63"], "\(outcome)")
    }
}
