import Foundation
import TestSupport
import Testing

/// What users are told where the BPF mode cannot be had.
@Suite("BPF refusals", .serialized, .requires(.bpfMachine))
struct BPFRefusalTests {
    static let noHook =
        "mptcpize: BPF mode: this kernel has no hook update_socket_protocol; it came with "
        + "Linux 6.6; mptcpize run and mptcpize enable work without it"

    @Test("an older kernel: one line, and nothing is left behind", arguments: ["5.10", "6.1"])
    func olderKernel(kernel: String) throws {
        let program = try Fixtures.program("raw_socket", .staticGlibc)
        let outcome = try BPFMachine(["raw": program]).run(
            """
            mptcpize bpf attach --cgroup $cg/a; echo $?
            mptcpize run --mode bpf ./raw; echo $?; mptcpize run ./raw; echo $?
            ls /sys/fs/bpf; find $cg -name 'mptcpize*'; mptcpize bpf list
            """, kernel: kernel)
        #expect(
            outcome.output == """
                \(Self.noHook)
                1
                \(Self.noHook)
                125
                mptcpize: ./raw: statically linked, so no preload library reaches it: it stays TCP; \
                the BPF mode would reach it, but this kernel has no hook update_socket_protocol; \
                `mptcpize run --mode seccomp` reaches it (Linux 5.9 or newer)
                6 uid 0 euid 0
                0
                No cgroup is attached.

                """, "\(outcome)")
    }

    @Test("what the system lacks or forbids is one line each, with what to do")
    func lacking() throws {
        let empty = try Fixtures.library("greeting")
        let machine = try BPFMachine([
            "fail.so": Fixtures.library("fail_bpf"), "libbpf.so.1": empty,
        ])
        let outcome = try machine.run(
            """
            failing() {
              (export LD_PRELOAD=/t/fail.so "$1"; mptcpize bpf attach --cgroup $cg/a $2 2>&1); }
            echo "== memory"; failing FAIL_BPF=5:12; failing FAIL_BPF=0:12
            echo "== policy"; failing FAIL_BPF=5:1; failing FAIL_BPF=28:1
            echo "== verifier"; failing FAIL_BPF=5:22
            echo "== debug"; failing FAIL_BPF=5:22 --debug
            echo "== mount"; umount /sys/fs/bpf; failing FAIL_MOUNT=1
            mount -t bpf bpf /sys/fs/bpf
            echo "== old libbpf"; mkdir /old; mv libbpf.so.1 /old
            LD_LIBRARY_PATH=/old:/t/lib ./mptcpize bpf attach --cgroup $cg/a
            echo "== version 1"; mkdir /v1; mount -t cgroup -o none,name=old old /v1; mkdir /v1/x
            mptcpize bpf attach --cgroup /v1/x
            echo "== no types"; mount -t tmpfs none /sys/kernel/btf
            mptcpize bpf attach --cgroup $cg/a; umount /sys/kernel/btf
            echo "== no cgroups"; umount /sys/fs/cgroup; mptcpize bpf attach --cgroup $cg/a
            mount -t cgroup2 cgroup2 /sys/fs/cgroup
            echo "== left"; mptcpize bpf list; ls /sys/fs/bpf
            """, kernel: "6.12")
        func expect(_ section: String, _ words: String...) {
            #expect(
                outcome.section(section) == words.map { "mptcpize: \($0)" }, "\(outcome)")
        }
        let memory =
            "BPF mode: out of memory, or this cgroup's memory limit is reached; free memory, or raise "
            + "memory.max"
        let policy =
            "BPF mode: the kernel refuses to attach the program (EPERM); lockdown, a security "
            + "policy or a container forbids it; mptcpize run and mptcpize enable work without it"
        expect("memory", memory, memory)
        expect("policy", policy, policy)
        expect(
            "verifier",
            "BPF mode: the kernel refuses the program (EINVAL); "
                + "add --debug to see the verifier's reasons")
        #expect(outcome.section("debug").count > 1, "\(outcome)")
        expect(
            "mount",
            "/sys/fs/bpf: cannot mount the BPF file system: Operation not permitted; "
                + "try: mount -t bpf bpf /sys/fs/bpf")
        expect(
            "old libbpf",
            "libbpf.so.1: is too old: it has no bpf_object__open_mem; install "
                + "libbpf 1.0 or newer (Debian and Ubuntu: apt install libbpf1)")
        expect(
            "version 1",
            "/v1/x: is a cgroup of version 1, which BPF cannot identify; "
                + "give a directory under /sys/fs/cgroup")
        expect(
            "no types",
            "BPF mode: this kernel does not describe its types "
                + "(/sys/kernel/btf/vmlinux); use a kernel with CONFIG_DEBUG_INFO_BTF")
        expect(
            "no cgroups",
            "cgroup2: is not mounted; "
                + "try: mount -t cgroup2 cgroup2 /sys/fs/cgroup")
        #expect(outcome.section("left") == ["No cgroup is attached."], "\(outcome)")
    }

    @Test("lockdown: integrity forbids nothing, confidentiality is named")
    func lockdown() throws {
        let program = try Fixtures.program("raw_socket", .staticGlibc)
        let outcome = try BPFMachine(["raw": program]).run(
            BPFRunTests.prelude + """
                mount -t securityfs securityfs /sys/kernel/security
                level() { sed 's/.*\\[\\(.*\\)].*/\\1/' /sys/kernel/security/lockdown; }
                try() {
                  echo "== $(level)"
                  mptcpize bpf attach --cgroup $cg/a; echo $?; inside $cg/a ./raw; attached; echo
                  mptcpize bpf detach --all
                  mptcpize run --mode bpf --report ./raw 2>&1 | grep -o '^mptcpize.*\\|1 never connected'
                  mptcpize run ./raw 2>&1 | tail -n 1
                  mptcpize check | grep -A1 'BPF mode' | grep -v '^No problem' | tr -s ' '
                  left
                }
                try
                # What is attached stays so.
                mptcpize bpf attach --cgroup $cg/a
                echo confidentiality >/sys/kernel/security/lockdown
                echo "== later"; inside $cg/a ./raw; mptcpize bpf attach --cgroup $cg/c; attached; echo
                mptcpize run --mode bpf ./raw; mptcpize run --mode bpf --report ./raw
                mptcpize bpf detach --all
                try
                """, kernel: "6.12", parameters: "lockdown=integrity")
        #expect(outcome.succeeded, "\(outcome)")
        let (mptcp, tcp) = ("262 uid 0 euid 0", "6 uid 0 euid 0")
        #expect(
            outcome.section("integrity") == [
                "0", mptcp, "a ", "1 never connected", mptcp,
                "ok BPF mode can be loaded here (tried, then removed)",
            ], "\(outcome)")
        let why = "kernel lockdown (confidentiality) does not let BPF programs read kernel memory"
        #expect(
            outcome.section("later") == [
                mptcp, "a c ", mptcp, "mptcpize: BPF mode: \(why); leave out --report and -d",
            ], "\(outcome)")
        let remedy =
            "lockdown=integrity allows it; mptcpize run and mptcpize enable work without it"
        let refusal = "mptcpize: BPF mode: \(why); \(remedy)"
        #expect(
            outcome.section("confidentiality") == [
                refusal, "1", tcp, refusal, tcp, "note BPF mode \(why)", " → \(remedy)",
            ], "\(outcome)")
    }

    @Test(
        "on this machine it works, or one line says why not, and nothing is left behind",
        .requires(.root))
    func here() throws {
        let mounts = try mustRun(["findmnt", "--noheadings", "--output", "TARGET", "-t", "cgroup2"])
        let cgroup = "\(mounts.split(separator: "\n")[0])/mptcpize-\(getpid())-here"
        try mustRun(["mkdir", cgroup])
        defer { _ = try? run(["rmdir", cgroup]) }
        func pinned() throws -> String { try mustRun(["find", "/sys/fs/bpf", "-mindepth", "1"]) }
        let before = try pinned()
        for (command, refusal) in [
            (["bpf", "attach", "--cgroup", cgroup], 1), (["run", "--mode", "bpf", "true"], 125),
        ] as [([String], Int32)] {
            let outcome = try run([Products.mptcpize] + command)
            guard !outcome.succeeded else { continue }
            #expect(outcome.status == refusal, "\(outcome)")
            #expect(outcome.errors.hasPrefix("mptcpize: "), "\(outcome)")
            #expect(outcome.errors.contains("; "), "no word on what to do: \(outcome)")
            #expect(outcome.errors.count { $0 == "\n" } == 1, "\(outcome)")
        }
        try run([Products.mptcpize, "bpf", "detach", "--cgroup", cgroup])
        // What `run` made goes a moment after its program.
        let isAsBefore = try poll(within: .seconds(20)) { try pinned() == before }
        #expect(isAsBefore)
    }

    @Test("every wrong request is one line, and changes nothing")
    func requests() throws {
        let outcome = try BPFMachine().run(
            """
            ln -s $cg/a /tmp/link
            for path in /tmp /tmp/link $cg/a/cgroup.procs; do
              mptcpize bpf attach --cgroup $path; done
            mptcpize bpf attach --pid 99999
            mkdir /some; cp lib/*.so* /some; rm /some/libbpf.so.1
            LD_LIBRARY_PATH=/some ./mptcpize bpf attach --cgroup $cg/a
            echo 'user:x:1000:1000::/:/bin/sh' >/etc/passwd; chmod 755 /t
            su user -c 'LD_LIBRARY_PATH=/t/lib /t/mptcpize bpf list'
            umount /sys/fs/bpf; mptcpize bpf attach --cgroup $cg/a; attached; echo
            mptcpize bpf detach --all; umount /sys/fs/bpf
            mount -t bpf -o mode=1777 bpf /sys/fs/bpf
            su user -c 'mkdir /sys/fs/bpf/mptcpize'
            mptcpize bpf attach --cgroup $cg/a
            """, kernel: "6.12")
        let under = "give a directory under /sys/fs/cgroup"
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(
            lines.filter { !$0.contains("libbpf") } == [
                "mptcpize: /tmp: is not a cgroup; \(under)",
                "mptcpize: /tmp/link: there is a symbolic link in this path; "
                    + "give the path without it",
                "mptcpize: /sys/fs/cgroup/a/cgroup.procs: is not a cgroup; \(under)",
                "mptcpize: process 99999: there is none",
                "mptcpize: BPF mode: needs root; try: sudo mptcpize bpf …",
                "a ",
                "mptcpize: /sys/fs/bpf/mptcpize: is not a directory that belongs to root alone; "
                    + "find out who made it, then: rm -r /sys/fs/bpf/mptcpize",
            ], "\(outcome)")
        #expect(
            lines.contains {
                $0.hasPrefix("mptcpize: libbpf.so.1: cannot be loaded")
                    && $0.hasSuffix(
                        "install libbpf 1.0 or newer (Debian and Ubuntu: apt install libbpf1)")
            },
            "\(outcome)")
    }
}
