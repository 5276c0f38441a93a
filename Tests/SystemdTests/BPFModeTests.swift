import Foundation
import TestSupport
import Testing

extension Requirement {
    static let bpfMachines = Requirement("qemu-system-x86_64, busybox and libbpf1") {
        Environment.find("qemu-system-x86_64") != nil && Environment.find("busybox") != nil
            && access(libbpf, R_OK) == 0
    }

    static let libbpf = "/usr/lib/x86_64-linux-gnu/libbpf.so.1"
}

/// `enable --mode bpf`, on a kernel that has the hook, and on one that has not.
@Suite("Services by the kernel", .requires(.root), .requires(.bpfMachines))
struct BPFModeTests {
    /// Runs a script in a virtual machine with a static web server as the running static.service.
    ///
    /// - Parameter restarts: whether the script restarts the machine: it runs again then.
    private func run(
        _ script: String, kernel: String, restarts: Bool = false
    ) throws -> Outcome {
        let guest = try ServiceGuest()
        let busybox = try #require(Environment.find("busybox"))
        try mustRun(["cp", "-L", busybox, guest.file("busybox")])
        try guest.bringLibBPF(programs: [Environment.find("nft")].compactMap { $0 })
        return try guest.run(
            """
            talk() { python3 /t/talk.py 8000 'GET /t/talk.py HTTP/1.0\\r\\n\\r\\n'; }
            set_up() {
              cp -n /t/libraries/* /usr/lib/x86_64-linux-gnu/
              cp /t/busybox /usr/local/bin/; [ ! -e /t/nft ] || cp /t/nft /usr/local/sbin/
              cat >/etc/systemd/system/static.service <<'UNIT'
            [Unit]
            DefaultDependencies=no
            [Service]
            ExecStart=/usr/local/bin/busybox httpd -f -p 127.0.0.1:8000 -h /
            [Install]
            WantedBy=test.target
            UNIT
              systemctl daemon-reload; systemctl start static
            }
            [ -e /usr/local/bin/busybox ] || set_up

            """ + script, kernel: kernel, restarts: restarts)
    }

    @Test("a static server: attached before it starts, at each start, and no more after disable")
    func attached() throws {
        let outcome = try run(
            """
            talk
            mptcpize enable static 2>&1
            mptcpize enable --now --mode bpf static 2>&1; talk
            mptcpize status static
            echo "it names $(systemctl cat static | grep -o '/[^ "]*/mptcpize' | sort -u | tr '\\n' ' ')"
            systemctl restart static; talk
            mptcpize bpf list | grep -c static.service
            echo "== stopped"; systemctl stop static; mptcpize bpf list
            ls /sys/fs/bpf; systemctl start static; talk
            # All that a restart of the machine leaves is the drop-in.
            echo "== lost"; systemctl stop static; mptcpize bpf detach --all
            systemctl daemon-reexec; systemctl start static; talk
            mptcpize enable --now --mode bpf --keep-tcp static 2>&1; talk
            mptcpize bpf list | grep -o 'everything stays TCP.*'
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
                "OK tcp", " mptcp", " mptcp", " mptcp", " mptcp", "OK tcp", "OK tcp",
            ], "\(outcome)")
        #expect(outcome.output.contains("== stopped\nNo cgroup is attached.\nHTTP"), "\(outcome)")
        #expect(outcome.output.contains("statically linked"))
        #expect(outcome.output.contains("`mptcpize enable --mode bpf static.service`"))
        #expect(outcome.output.contains("kernel (BPF)"))
        #expect(lines.contains { $0.hasPrefix("it names /usr/local/bin/mptcpize") }, "\(outcome)")
        #expect(outcome.output.contains("1 mptcp"))
        #expect(outcome.output.contains("it listens with no MPTCP socket"), "\(outcome)")
        #expect(outcome.output.contains("everything stays TCP /sys/fs/cgroup/system.slice/static"))
        #expect(outcome.output.contains("static.service.d': No such file"))
        #expect(lines.suffix(1) == ["0"])
    }

    @Test(
        "a machine that restarts: attached before its first socket, and under rules, by drop-ins",
        .requires(.command("nft")))
    func restarted() throws {
        let outcome = try run(
            """
            say() { echo "$(cat /proc/sys/kernel/random/boot_id) $(talk)"; }
            if [ ! -e /var/lib/enabled ]; then
              say; ls /sys/fs/bpf
              systemctl enable -q static
              # Others under rules: of the BPF mode, of their own, and none.
              for rules in bpf own; do
                [ $rules = bpf ] && port=8001 || port=8002
                sed "s/8000/$port/" /etc/systemd/system/static.service >/etc/systemd/system/$rules.service
                systemctl enable -q $rules
              done
              mptcpize enable --mode bpf static own 2>&1
              mptcpize enable --mode bpf --rule 'tcp listen * 8001' bpf 2>&1
              mptcpize policy apply --unit own --rule 'tcp listen * 8000,8002' 2>&1
              mptcpize policy apply --rule 'tcp connect * 9' 2>&1
              say
              touch /var/lib/enabled
              systemctl reboot; sleep infinity
            fi
            say
            mptcpize bpf list --json | grep -o '"unit": "static.*'
            for port in 8001 8002; do
              echo "$port: $(python3 /t/talk.py $port 'GET /t/talk.py HTTP/1.0\\r\\n\\r\\n')"
            done
            mptcpize bpf list | grep -e '--rule'
            systemctl restart own bpf
            echo "tables: $(nft list tables | sed 's/.* //; s/_[0-9]*$//' | sort | xargs echo)"
            mptcpize disable static own bpf >/dev/null; mptcpize policy remove --all >/dev/null
            echo "left: $(nft list tables)" /etc/systemd/system/*.d /etc/systemd/system/mptcpize*
            systemctl show -P NRestarts static
            """, kernel: "6.12", restarts: true)
        #expect(outcome.succeeded, "\(outcome)")
        let lines = outcome.output.split(separator: "\n").map { $0.split(separator: " ") }
        let talks = lines.filter { $0.contains("HTTP/1.0") || $0.contains("HTTP/1.1") }
        #expect(
            talks.map { String($0.last!) } == ["tcp", "tcp", "mptcp", "tcp", "tcp"], "\(outcome)")
        let boots = talks.prefix(3).map { $0[0] }
        #expect(boots.count == 3 && boots[0] == boots[1] && boots[1] != boots[2], "\(outcome)")
        #expect(outcome.output.contains(#""unit": "static.service", "#), "\(outcome)")
        #expect(outcome.output.contains(#""upgraded": 1,"#), "\(outcome)")
        #expect(outcome.output.contains("1 --rule 1 /sys/fs/cgroup/system.slice/bpf.service"))
        #expect(
            outcome.output.contains("tables: mptcpize mptcpize_bpf mptcpize_cgroup\n"),
            "\(outcome)")
        #expect(
            outcome.output.contains(
                "left:  /etc/systemd/system/*.d /etc/systemd/system/mptcpize*\n"), "\(outcome)")
        #expect(lines.last == ["0"], "\(outcome)")
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
            systemctl restart static; mptcpize bpf list --json | grep -c '"gone": true'
            mptcpize bpf detach --gone; mptcpize bpf list
            mptcpize bpf attach --unit box.scope 2>&1
            """, kernel: "6.12")
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(
            lines.prefix(2) == [
                "static.service: attached, until it stops or restarts; "
                    + "`mptcpize enable --mode bpf static.service` attaches it for good",
                "box.scope: attached, until it stops",
            ], "\(outcome)")
        #expect(lines.dropFirst(2).prefix(3) == ["262", "262", "6"], "\(outcome)")
        for unit in ["static.service", "box.scope"] {
            let line = lines.first { $0.contains("\"unit\": \"\(unit)\"") }
            #expect(line?.contains(#""upgraded": 1,"#) == true, "\(outcome)")
            #expect(line?.contains("\"gone\": \(unit == "box.scope")") == true, "\(outcome)")
        }
        let place = "/sys/fs/cgroup/system.slice"
        #expect(
            lines.suffix(5) == [
                "2", "\(place)/box.scope: removed from the list",
                "\(place)/static.service: removed from the list",
                "No cgroup is attached.",
                "mptcpize: box.scope: there is no such unit; `systemctl list-units --type=scope` "
                    + "lists those that run",
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
