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
        let outcome = try BPFMachine().run(
            "mptcpize bpf attach --cgroup $cg/a; echo $?; ls /sys/fs/bpf; mptcpize bpf list",
            kernel: kernel)
        #expect(outcome.output == "\(Self.noHook)\n1\nNo cgroup is attached.\n", "\(outcome)")
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
                "mptcpize: /sys/fs/bpf/mptcpize: is not a directory of root's alone; "
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
