import Foundation
import TestSupport
import Testing

/// `mptcpize run` where the kernel makes the program's sockets MPTCP.
@Suite("BPF run", .serialized, .requires(.bpfMachine))
struct BPFRunTests {
    /// `left` waits until nothing of mptcpize's is left, and says what still is.
    static let prelude = """
        everything() {
          find $cg -name 'mptcpize-run-*' -type d 2>/dev/null; ls /sys/fs/bpf; pidof mptcpize; true
        }
        left() {
          tries=0
          while [ -n "$(everything)" ] && [ $tries -lt 600 ]; do
            sleep 0.05; tries=$((tries + 1))
          done
          everything; true
        }

        """

    @Test(
        "programs of all kinds, with what they start, in a cgroup that goes with the last one",
        arguments: BPFMachine.kernels)
    func programs(kernel: String) throws {
        let raw = try Fixtures.program("raw_socket", .staticGlibc)
        let outcome = try BPFMachine(["raw": raw]).run(
            Self.prelude + """
                echo 'user:x:1000:1000::/:/bin/sh' >/etc/passwd
                chmod 755 /t; cp raw /bin/raw; cp raw /bin/setuid; chmod 4755 /bin/setuid
                echo "== auto"; mptcpize run ./raw 2>&1; echo $?; left
                echo "== preload"; mptcpize run --mode preload ./raw 2>&1
                echo "== static"; mptcpize run --mode bpf ./raw; left
                echo "== setuid"; mptcpize run --mode bpf su user -c setuid; left
                echo "== pipeline"; mptcpize run --mode bpf sh -c '(raw | cat; raw) | cat; raw'
                left
                echo "== status"; mptcpize run --mode bpf sh -c 'exit 7'; echo $?
                mptcpize run --mode bpf sh -c 'kill -KILL $$'; echo $?
                mptcpize run --mode bpf nowhere 2>/dev/null; echo $?
                mptcpize run --mode bpf /etc 2>/dev/null; echo $?; left
                echo "== outside"; raw

                # The program is what mptcpize was: its process, its caller's child.
                echo "== process"
                LD_LIBRARY_PATH=/t/lib ./mptcpize run --mode bpf sh -c 'echo $$
                  for n in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$n ] && echo $n; done' &
                pid=$!; wait $pid; echo $pid; left

                echo "== daemon"
                mptcpize run --mode bpf sh -c '(until [ -e go ]; do sleep 0.05; done
                  raw >late) >/dev/null 2>&1 & exit 3'; echo $?
                mptcpize bpf list | grep -c mptcpize-run; touch go; left; cat late

                echo "== own cgroups"
                mptcpize run --mode bpf sh -c "d=$cg\\$(sed -n 's/^0:://p' /proc/self/cgroup)
                  mkdir -p \\$d/x/y; echo 0 >\\$d/x/y/cgroup.procs; raw"; left
                """, kernel: kernel)
        #expect(outcome.succeeded, "\(outcome)")
        let (mptcp, user) = ("262 uid 0 euid 0", "262 uid 1000 euid 0")
        let why = "mptcpize: ./raw: statically linked, so no preload library reaches it: "
        let expected = [
            "auto": [why + "the kernel makes its sockets MPTCP (BPF mode)", mptcp, "0"],
            "preload": [
                why + "it stays TCP; "
                    + "`mptcpize run --mode bpf` reaches it (root, Linux 6.6 or newer), "
                    + "and so does --mode seccomp (Linux 5.9 or newer)",
                "6 uid 0 euid 0",
            ],
            "static": [mptcp], "setuid": [user], "pipeline": [mptcp, mptcp, mptcp],
            "status": ["7", "137", "127", "126"], "outside": ["6 uid 0 euid 0"],
            "daemon": ["3", "1", mptcp], "own cgroups": [mptcp],
        ]
        for (name, lines) in expected {
            let found = outcome.section(name).filter { $0 != "Killed" }
            #expect(found == lines, "\(name): \(outcome)")
        }
        let process = outcome.section("process")
        #expect(process.first == process.last && process.first?.isEmpty == false)
        #expect(process.dropFirst().dropLast() == ["0", "1", "2"], "\(outcome)")
    }

    @Test("runs beside, inside and after one another", arguments: BPFMachine.kernels)
    func several(kernel: String) throws {
        let raw = try Fixtures.program("raw_socket", .staticGlibc)
        let outcome = try BPFMachine(["raw": raw]).run(
            Self.prelude + """
                export LD_LIBRARY_PATH=/t/lib
                echo "== nested"
                ./mptcpize run --mode bpf ./mptcpize run --mode bpf sh -c './raw; cat /proc/self/cgroup'
                left
                echo "== attached"; ./mptcpize bpf attach --cgroup $cg/a
                inside $cg/a ./mptcpize run --mode bpf ./raw; inside $cg/a ./raw
                attached; echo; ./mptcpize bpf detach --all; left
                echo "== concurrent"
                for i in 1 2 3 4 5; do ./mptcpize run --mode bpf ./raw & done; wait; left

                # Its keeper killed: the program goes on; the next command takes away the rest.
                echo "== killed"
                ./mptcpize run --mode bpf sh -c 'echo 1 >ready; until [ -e end ]; do sleep 0.05; done
                  ./raw' &
                until [ -e ready ]; do sleep 0.05; done
                kill -9 $(pidof mptcpize); touch end; wait
                ./mptcpize bpf list; everything

                # Its supervisor killed: so is the program, and the keeper takes the rest away.
                echo "== supervisor"; rm ready
                ./mptcpize run --mode bpf -d sh -c 'echo 1 >ready; exec sleep 1000' &
                pid=$!; until [ -e ready ]; do sleep 0.05; done
                kill -9 $pid; wait $pid; echo $?; left; pidof sleep

                echo "== half done"; mkdir $cg/mptcpize-run-1
                ./mptcpize run --mode bpf ./raw; left

                echo "== detached"
                ./mptcpize run --mode bpf sh -c './mptcpize bpf detach --all; ./raw | wc -l'
                left

                echo "== threaded"
                mkdir -p $cg/t/u; echo threaded >$cg/t/u/cgroup.type; echo $$ >$cg/t/cgroup.procs
                ./mptcpize run --mode bpf sh -c "./raw; grep -c ^0::/mptcpize-run /proc/self/cgroup"
                left
                """, kernel: kernel)
        #expect(outcome.succeeded, "\(outcome)")
        let mptcp = "262 uid 0 euid 0"
        let nested = outcome.section("nested")
        #expect(nested.first == mptcp, "\(outcome)")
        #expect(nested.last?.split(separator: "/").count == 3, "\(outcome)")
        #expect(nested.count == 2, "\(outcome)")
        #expect(outcome.section("attached") == [mptcp, mptcp, "a "], "\(outcome)")
        #expect(outcome.section("concurrent") == Array(repeating: mptcp, count: 5), "\(outcome)")
        #expect(outcome.section("killed") == [mptcp, "No cgroup is attached."], "\(outcome)")
        #expect(outcome.section("supervisor").filter { $0 != "Killed" } == ["137"], "\(outcome)")
        #expect(outcome.section("half done") == [mptcp], "\(outcome)")
        #expect(outcome.section("detached") == ["1"], "\(outcome)")
        #expect(outcome.section("threaded") == [mptcp, "1"], "\(outcome)")
    }
}
