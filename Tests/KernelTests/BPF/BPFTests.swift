import Foundation
import TestSupport
import Testing

/// The BPF mode on real kernels that have its hook.
@Suite("BPF", .serialized, .requires(.bpfMachine))
struct BPFTests {
    @Test(
        "whole subtrees become MPTCP, and nothing else", arguments: BPFMachine.kernels)
    func matrix(kernel: String) throws {
        let matrix = try Fixtures.program("socket_matrix", .staticGlibc)
        let outcome = try BPFMachine(["matrix": matrix]).run(
            """
            echo "== before"; inside $cg/a ./matrix
            mptcpize bpf attach --cgroup $cg/a || exit 1
            echo "== outside"; inside $cg/c ./matrix
            echo "== inside"; inside $cg/a ./matrix
            echo "== below"; inside $cg/a/b ./matrix
            echo "== moved out"; inside $cg/a sh -c "echo 0 >$cg/c/cgroup.procs; ./matrix"
            echo "== moved in"; inside $cg/c sh -c "echo 0 >$cg/a/cgroup.procs; ./matrix"
            echo "== count"; mptcpize bpf list --json
            echo "== metrics"; mptcpize metrics
            """, kernel: kernel)
        #expect(outcome.succeeded, "\(outcome)")
        let before = outcome.section("before").joined(separator: "\n")
        for place in ["outside", "moved out"] {
            #expect(outcome.section(place).joined(separator: "\n") == before)
        }
        for place in ["inside", "below", "moved in"] {
            expectUpgraded(before, outcome.section(place).joined(separator: "\n"))
        }
        #expect(outcome.section("count").joined().contains(#""upgraded": 48, "#))
        let metrics = outcome.section("metrics")
        for (name, value) in [("upgraded_total", 48), ("missed_runs_total", 0), ("cgroups", 1)] {
            let line = metrics.first { $0.hasPrefix("mptcpize_bpf_\(name)") }
            #expect(line?.hasSuffix(" \(value)") == true, "\(name): \(line ?? "")")
        }
    }

    @Test("programs that no preload library reaches", arguments: BPFMachine.kernels)
    func unreachable(kernel: String) throws {
        let machine = try BPFMachine([
            "glibc": Fixtures.program("raw_socket", .staticGlibc),
            "musl": Fixtures.program("raw_socket", .staticMusl),
            "i386": Fixtures.program("raw_socket", .i386, flags: ["-static"]),
            "uring": Fixtures.program("io_uring_socket", .staticGlibc),
        ])
        let outcome = try machine.run(
            """
            echo 'user:x:1000:1000::/:/bin/sh' >/etc/passwd
            chmod 755 /t; cp glibc /bin/setuid; chmod 4755 /bin/setuid
            mptcpize bpf attach --cgroup $cg/a || exit 1
            for p in glibc musl i386 uring; do echo "== $p"; inside $cg/a ./$p; done
            echo "== setuid"; inside $cg/a su user -c setuid
            echo "== transfer"
            mkdir /www; dd if=/dev/urandom of=/www/file bs=1k count=2000 2>/dev/null
            inside $cg/a busybox httpd -p 127.0.0.1:8080 -h /www
            inside $cg/a busybox wget -q -O /tmp/file http://127.0.0.1:8080/file
            cmp /www/file /tmp/file && echo same
            awk '/^MPTcpExt/ { if (!n++) split($0, names); else split($0, values) }
              END { for (i in names) print names[i], values[i] }' /proc/net/netstat |
              grep -E '^(MPCapableSYNACKRX|MPCapableACKRX|MPCapableFallbackACK) '
            """, kernel: kernel)
        #expect(outcome.succeeded, "\(outcome)")
        for program in ["glibc", "musl", "i386"] {
            #expect(outcome.section(program) == ["262 uid 0 euid 0"], "\(program) \(outcome)")
        }
        #expect(outcome.section("setuid") == ["262 uid 1000 euid 0"], "\(outcome)")
        // The kernel does not ask the hook for these (__sys_socket_file): nothing breaks.
        #expect(outcome.section("uring") == ["6"], "\(outcome)")
        #expect(
            Set(outcome.section("transfer")) == [
                "same", "MPCapableSYNACKRX 1", "MPCapableACKRX 1", "MPCapableFallbackACK 0",
            ], "\(outcome)")
    }

    @Test(
        "no socket fails where MPTCP is off, and it is MPTCP again once it is on",
        arguments: BPFMachine.kernels)
    func namespaces(kernel: String) throws {
        let storm = try Fixtures.program("socket_storm", .staticGlibc)
        let outcome = try BPFMachine(["storm": storm]).run(
            """
            mptcpize bpf attach --cgroup $cg/a || exit 1
            cat >elsewhere <<'SCRIPT'
            echo 0 >/proc/sys/net/mptcp/enabled; echo "== off"; ./storm 1 10
            echo 1 >/proc/sys/net/mptcp/enabled; echo "== on"; ./storm 1 10
            echo 0 >/proc/sys/net/mptcp/enabled
            echo "== home"; nsenter --net=/tmp/home ./storm 1 10
            SCRIPT
            touch /tmp/home; mount --bind /proc/self/ns/net /tmp/home
            inside $cg/a unshare -n sh elsewhere
            echo 0 >/proc/sys/net/mptcp/enabled
            echo "== attached while off"; mptcpize bpf attach --cgroup $cg/c && attached; echo
            mptcpize bpf detach --all; mptcpize bpf attach --cgroup $cg/a; attached; echo
            inside $cg/a ./storm 1 10; echo 1 >/proc/sys/net/mptcp/enabled
            inside $cg/a ./storm 1 10
            echo "== count"; mptcpize bpf list --json
            """, kernel: kernel)
        #expect(outcome.section("off") == ["mptcp=0 tcp=10 failed=0"], "\(outcome)")
        #expect(outcome.section("on") == ["mptcp=10 tcp=0 failed=0"])
        #expect(outcome.section("home") == ["mptcp=10 tcp=0 failed=0"])
        #expect(
            outcome.section("attached while off") == [
                "a c ", "a ", "mptcp=0 tcp=10 failed=0", "mptcp=10 tcp=0 failed=0",
            ])
        #expect(
            outcome.section("count").joined().contains(
                #""upgraded": 10, "left_tcp": {"mptcp_off": 10, "no_mptcpv6": 0}"#))
    }

    @Test(
        "counters are exact in a fork storm, nested cgroups count once",
        arguments: BPFMachine.kernels)
    func storm(kernel: String) throws {
        let storm = try Fixtures.program("socket_storm", .staticGlibc)
        let outcome = try BPFMachine(["storm": storm]).run(
            """
            mptcpize bpf attach --cgroup $cg/a --cgroup $cg/a/b || exit 1
            inside $cg/a/b ./storm 8 6250
            inside $cg/a ./storm 1 5
            mptcpize bpf attach --cgroup $cg/a && mptcpize bpf list --json
            """, kernel: kernel)
        let numbers = outcome.output.split { !$0.isNumber }.compactMap { Int($0) }
        try #require(outcome.succeeded && numbers.count > 3, "\(outcome)")
        let (mptcp, tcp) = (numbers[0], numbers[1])
        #expect(mptcp + tcp == 50000)
        // Where the kernel preempted all the programs at once; see mptcpize.bpf.c.
        #expect(tcp <= 50, "\(outcome)")
        #expect(outcome.output.contains(#""missed": \#(tcp)"#), "\(outcome)")
        for (path, upgraded) in [("/sys/fs/cgroup/a", 5), ("/sys/fs/cgroup/a/b", mptcp)] {
            let line = outcome.output.split(separator: "\n").first { $0.contains("\"\(path)\"") }
            #expect(line?.contains(#""upgraded": \#(upgraded),"#) == true, "\(outcome)")
        }
    }

    @Test("attach, detach and list keep what they say", arguments: ["6.12"])
    func lifecycle(kernel: String) throws {
        let storm = try Fixtures.program("socket_storm", .staticGlibc)
        let poke = try Fixtures.program("bpf_poke", .staticGlibc)
        let outcome = try BPFMachine(["storm": storm, "poke": poke]).run(
            """
            mptcpize bpf attach --cgroup $cg/a --cgroup $cg/c
            inside $cg/a ./storm 1 7
            echo "== all or nothing"
            mptcpize bpf attach --cgroup $cg/d --cgroup $cg/nowhere; attached; echo
            mptcpize bpf detach --cgroup $cg/a --cgroup $cg/d; attached; echo
            echo "== by pid"; mptcpize bpf attach --pid $$; attached; echo
            mptcpize bpf detach --pid $$
            echo "== upgrade"
            ./poke older; mptcpize bpf attach --cgroup $cg/d; attached; echo
            inside $cg/a ./storm 1 7
            mptcpize bpf list --json | grep -c '"upgraded": 14,'
            ls /sys/fs/bpf/mptcpize
            echo "== no MPTCPv6"; ./poke no-mptcpv6; inside $cg/a ./storm 1 10
            mptcpize bpf list --json | grep -c '"no_mptcpv6": 5}'
            echo "== gone"; rmdir $cg/c; mptcpize bpf list | grep -c gone; attached; echo
            mkdir -p $cg/c/x; mptcpize bpf detach --gone; attached; echo
            echo "== same moment"
            for x in a/b c d; do mptcpize bpf attach --cgroup $cg/$x & done
            wait; attached; echo
            mptcpize bpf detach --cgroup $cg/c & mptcpize bpf attach --cgroup $cg/c/x &
            mptcpize bpf detach --cgroup $cg/d & wait; attached; echo
            mptcpize bpf detach --cgroup $cg/a & mptcpize bpf detach --cgroup $cg/c/x &
            mptcpize bpf detach --cgroup $cg/a/b & wait
            echo "== last"; attached; ls /sys/fs/bpf
            """, kernel: kernel)
        #expect(outcome.succeeded, "\(outcome)")
        #expect(
            outcome.section("all or nothing") == [
                "mptcpize: /sys/fs/cgroup/nowhere: no such cgroup; "
                    + "give a directory under /sys/fs/cgroup", "a c ",
                "mptcpize: /sys/fs/cgroup/d: is not attached; `mptcpize bpf list` shows what is attached",
                "a c ",
            ], "\(outcome)")
        #expect(outcome.section("by pid") == [" a c "] || outcome.section("by pid") == ["a c "])
        #expect(
            outcome.section("upgrade") == [
                "a c d ", "mptcp=7 tcp=0 failed=0", "1", "current",
            ], "\(outcome)")
        #expect(
            outcome.section("no MPTCPv6") == ["mptcp=5 tcp=5 failed=0", "1"], "\(outcome)")
        #expect(
            outcome.section("gone") == [
                "1", "a c d ", "/sys/fs/cgroup/c: removed from the list", "a d ",
            ], "\(outcome)")
        #expect(outcome.section("same moment") == ["a a/b c d ", "a a/b c/x "], "\(outcome)")
        #expect(outcome.section("last") == [], "\(outcome)")
    }

    @Test("a command killed between any two steps leaves the old or the new state")
    func killed() throws {
        let killer = try Fixtures.program("kill_at", .staticGlibc)
        let outcome = try BPFMachine(["kill_at": killer]).run(
            Self.atEveryStep + """
                echo "== first"
                at_every_step 'mptcpize bpf detach --all' "attach --cgroup $cg/c --cgroup $cg/d"
                echo "== more"; mptcpize bpf detach --all; mptcpize bpf attach --cgroup $cg/a
                at_every_step "mptcpize bpf detach --cgroup $cg/c --cgroup $cg/d" \
                  "attach --cgroup $cg/c --cgroup $cg/d"
                echo "== less"
                at_every_step "mptcpize bpf attach --cgroup $cg/c --cgroup $cg/d" \
                  "detach --cgroup $cg/c --cgroup $cg/d"
                echo "== none"
                at_every_step "mptcpize bpf attach --cgroup $cg/a" "detach --all"
                """, kernel: "6.12")
        let states: [(String, old: String, new: String)] = [
            ("first", "()", "c d (mptcpize)"), ("more", "a (mptcpize)", "a c d (mptcpize)"),
            ("less", "a c d (mptcpize)", "a (mptcpize)"), ("none", "a (mptcpize)", "()"),
        ]
        for (name, old, new) in states {
            let lines = outcome.section(name)
            #expect(lines.count > 2, "\(name) \(outcome)")
            #expect(lines.last == new, "\(name) \(outcome)")
            #expect(lines.allSatisfy { $0 == old || $0 == new }, "\(name) \(outcome)")
        }
    }

    @Test("a command killed at any step of an upgrade leaves cgroups, counters and a program")
    func upgraded() throws {
        let programs = try Dictionary(
            uniqueKeysWithValues: [
                ("kill_at", "kill_at"), ("poke", "bpf_poke"), ("storm", "socket_storm"),
            ].map { ($0, try Fixtures.program($1, .staticGlibc)) })
        let outcome = try BPFMachine(programs).run(
            Self.atEveryStep + """
                echo "== upgrade"; mptcpize bpf attach --cgroup $cg/a
                at_every_step './poke older' "attach --cgroup $cg/a --cgroup $cg/c"
                inside $cg/a ./storm 1 5
                mptcpize bpf list --json | grep -c '"upgraded": 5,'
                mptcpize bpf detach --cgroup $cg/c
                echo "== another layout"; ./poke other-layout
                mptcpize bpf attach --cgroup $cg/c; ls /sys/fs/bpf
                mptcpize bpf detach --all; mptcpize bpf list
                """, kernel: "6.12")
        // Killed at whatever step of the upgrade, the program in force is the old or the new
        // one, with its cgroups; and it acts and counts when it is done.
        let upgrade = outcome.section("upgrade")
        #expect(upgrade.count > 10, "\(outcome)")
        #expect(
            upgrade.dropLast(3).allSatisfy { $0 == "a (mptcpize)" || $0 == "a c (mptcpize)" },
            "\(outcome)")
        #expect(
            upgrade.suffix(3) == ["a c (mptcpize)", "mptcp=5 tcp=0 failed=0", "1"], "\(outcome)")
        #expect(
            outcome.section("another layout") == [
                "mptcpize: BPF mode: the program in the kernel is of another version, "
                    + "whose counters this one cannot read; mptcpize bpf detach --all, then "
                    + "attach again", "mptcpize", "No cgroup is attached.",
            ], "\(outcome)")
    }

    /// A function for scripts, `at_every_step PREPARATION ARGUMENTS`: kills `mptcpize bpf
    /// ARGUMENTS` at every step; before each: PREPARATION.
    private static let atEveryStep = """
        at_every_step() {
          n=1
          while :; do
            eval "$1" 2>/dev/null
            LD_LIBRARY_PATH=/t/lib ./kill_at $n /t/mptcpize bpf $2
            status=$?
            echo "$(attached)($(ls /sys/fs/bpf))"
            [ $status = 0 ] || break
            n=$((n + 1))
          done
        }

        """
}
