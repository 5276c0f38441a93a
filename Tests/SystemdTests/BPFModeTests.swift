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
@Suite("Services by the kernel", .requires(.bpfMachines))
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
            mptcpize disable --now static; talk
            ls -d /etc/systemd/system/static.service.d 2>&1
            mptcpize bpf list | grep -c static.service
            true
            """, kernel: "6.12")
        #expect(outcome.succeeded, "\(outcome)")
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(
            lines.filter { $0.hasPrefix("HTTP/1.") }.map { String($0.suffix(6)) } == [
                "OK tcp", " mptcp", " mptcp", "OK tcp",
            ], "\(outcome)")
        #expect(outcome.output.contains("statically linked"))
        #expect(outcome.output.contains("`mptcpize enable --mode bpf static.service`"))
        #expect(outcome.output.contains("kernel (BPF)"))
        #expect(outcome.output.contains("1 mptcp"))
        #expect(outcome.output.contains("static.service.d': No such file"))
        #expect(lines.suffix(1) == ["0"])
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
