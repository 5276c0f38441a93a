import Foundation
import TestSupport
import Testing

extension Requirement {
    static let bpfMachines = Requirement("qemu-system-x86_64, busybox and libbpf1") {
        Environment.find("qemu-system-x86_64") != nil && Environment.find("busybox") != nil
            && access(libbpf, R_OK) == 0
    }

    fileprivate static let libbpf = "/usr/lib/x86_64-linux-gnu/libbpf.so.1"
}

/// `enable --mode bpf`, on a kernel that has the hook, and on one that has not.
@Suite("Services by the kernel", .requires(.root), .requires(.bpfMachines))
struct BPFModeTests {
    /// Runs a script in a virtual machine with systemd, mptcpize, and a static web server as
    /// the running static.service.
    private func run(_ script: String, kernel: String) throws -> Outcome {
        let payload = try TemporaryDirectory()
        for part in ["bin", "lib"] {
            try mustRun(["cp", "-a", "\(Products.directory)/\(part)", payload.file(part)])
        }
        let busybox = try #require(Environment.find("busybox"))
        try mustRun(["cp", "-L", busybox, payload.file("busybox")])
        try FileManager.default.createDirectory(
            atPath: payload.file("libraries"), withIntermediateDirectories: false)
        // The other libraries that it needs are the system's own.
        for line in try mustRun(["ldd", Requirement.libbpf]).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count > 2, !words[0].hasPrefix("libc.") {
                try mustRun(["cp", "-L", String(words[2]), payload.file("libraries")])
            }
        }
        try mustRun(["cp", "-L", Requirement.libbpf, payload.file("libraries")])
        try payload.write(
            """
            import socket, time
            def counter():
                rows = [r.split() for r in open("/proc/net/netstat") if r.startswith("MPTcpExt")]
                return int(rows[1][rows[0].index("MPCapableACKRX")])
            before = counter()
            for attempt in range(1000):
                client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
                try:
                    client.connect(("127.0.0.1", 8000))
                    break
                except ConnectionRefusedError:
                    client.close()
                    time.sleep(0.01)
            client.sendall(b"GET /t/talk.py HTTP/1.0\\r\\n\\r\\n")
            print(client.recv(15).decode(), "mptcp" if counter() > before else "tcp")
            """, to: "talk.py")
        try payload.write(
            """
            cp -a /t/bin /t/lib /usr/local/; cp -n /t/libraries/* /usr/lib/x86_64-linux-gnu/
            cp /t/busybox /usr/local/bin/
            cat >/etc/systemd/system/static.service <<'UNIT'
            [Unit]
            DefaultDependencies=no
            [Service]
            ExecStart=/usr/local/bin/busybox httpd -f -p 127.0.0.1:8000 -h /
            UNIT
            systemctl daemon-reload; systemctl start static
            talk() { python3 /t/talk.py; }

            """ + script, to: "run.sh")
        return try Lab.boot(
            kernel: Lab.kernel(kernel), payload: payload.path, root: Lab.root("trixie"),
            modules: ["tcp_diag", "mptcp_diag"],
            timeout: .seconds(400))
    }

    @Test("a static server: attached before it starts, at each start, and no more after disable")
    func attached() throws {
        let outcome = try run(
            """
            talk
            mptcpize enable static 2>&1
            mptcpize enable --now --mode bpf static 2>&1; talk
            mptcpize status static
            systemctl restart static; talk
            mptcpize bpf list | grep -c static.service
            echo "== stopped"; systemctl stop static; mptcpize bpf list
            ls /sys/fs/bpf; systemctl start static; talk
            # All that a restart of the machine leaves is the drop-in.
            echo "== lost"; systemctl stop static; mptcpize bpf detach --all
            systemctl daemon-reexec; systemctl start static; talk
            echo "== disabled"
            mptcpize disable --now static; talk
            ls -d /etc/systemd/system/static.service.d 2>&1
            mptcpize bpf list | grep -c static.service
            true
            """, kernel: "6.12")
        #expect(outcome.succeeded, "\(outcome)")
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(
            lines.filter { $0.hasPrefix("HTTP/1.") }.map { String($0.suffix(6)) } == [
                "OK tcp", " mptcp", " mptcp", " mptcp", " mptcp", "OK tcp",
            ], "\(outcome)")
        #expect(outcome.output.contains("== stopped\nNo cgroup is attached.\nHTTP"), "\(outcome)")
        #expect(outcome.output.contains("statically linked"))
        #expect(outcome.output.contains("`mptcpize enable --mode bpf static.service`"))
        #expect(outcome.output.contains("kernel (BPF)"))
        #expect(outcome.output.contains("1 mptcp"))
        #expect(outcome.output.contains("static.service.d': No such file"))
        #expect(lines.suffix(1) == ["0"])
    }

    @Test("a running service and a running scope: their next sockets")
    func running() throws {
        let outcome = try run(
            """
            cat >/t/protocol.py <<'PYTHON'
            import os, socket, sys, time
            while len(sys.argv) > 1 and not os.path.exists(sys.argv[1]): time.sleep(0.01)
            print(socket.socket().getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
            PYTHON
            systemd-run -q --scope --unit=box python3 /t/protocol.py /tmp/go >/tmp/box &
            until systemctl is-active -q box.scope; do sleep 0.1; done
            mptcpize bpf attach --unit static --unit box.scope || exit 1
            sh -c 'echo 0 >/sys/fs/cgroup/system.slice/static.service/cgroup.procs
              exec python3 /t/protocol.py'
            touch /tmp/go; wait $!; cat /tmp/box
            python3 /t/protocol.py
            until ! systemctl is-active -q box.scope; do sleep 0.1; done
            mptcpize bpf list --json
            systemctl restart static; mptcpize bpf list --json >/dev/null; mptcpize bpf list
            mptcpize bpf attach --unit box.scope
            """, kernel: "6.12")
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(lines.prefix(3) == ["262", "262", "6"], "\(outcome)")
        for unit in ["static.service", "box.scope"] {
            let line = lines.first { $0.contains("\"unit\": \"\(unit)\"") }
            #expect(line?.contains(#""upgraded": 1,"#) == true, "\(outcome)")
            #expect(line?.contains("\"gone\": \(unit == "box.scope")") == true, "\(outcome)")
        }
        #expect(
            lines.suffix(2) == [
                "No cgroup is attached.",
                "mptcpize: box.scope: has no cgroup: it does not run; `systemctl start box.scope` "
                    + "first, or use mptcpize enable --mode bpf",
            ], "\(outcome)")
    }

    @Test("a kernel without the hook: refused, and nothing changed")
    func withoutHook() throws {
        let outcome = try run(
            """
            mptcpize enable --now --mode bpf static 2>&1; echo "status $?"
            ls -A /etc/systemd/system | grep -E 'static.service.d|mptcpize'
            talk
            """, kernel: "6.1")
        #expect(outcome.output.contains("status 1\n"), "\(outcome)")
        #expect(outcome.output.contains("mptcpize: BPF mode: "))
        #expect(!outcome.output.contains("static.service.d"))
        #expect(outcome.output.contains("200 OK tcp"))
    }
}
