import TestSupport
import Testing

/// Whatever is wrong: one line that says so and what to do, and nothing changed.
@Suite("Refusals", .requires(.systemdMachines))
struct RefusalTests {
    private static let python = "/usr/bin/python3 -u -m http.server --bind 127.0.0.1"

    /// Has `enable` refuse, and sees that all is as before.
    private func expectRefusal(
        _ machine: borrowing ServiceMachine, _ command: String, _ reason: String, status: Int32 = 1,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let before = try machine.unitFiles()
        let outcome = try machine.run(command)
        #expect(outcome.status == status, "\(outcome)", sourceLocation: sourceLocation)
        #expect(outcome.errors.contains(reason), "\(outcome)", sourceLocation: sourceLocation)
        #expect(
            outcome.errors.split(separator: "\n").count == 1, "\(outcome)",
            sourceLocation: sourceLocation)
        #expect(outcome.output == "", sourceLocation: sourceLocation)
        #expect(try machine.unitFiles() == before, sourceLocation: sourceLocation)
    }

    @Test("names that mean nothing")
    func names() throws {
        let machine = try ServiceMachine()
        for (arguments, reason, status) in [
            ("nosuch", "there is no such unit", 1),
            ("nosuch@.service", "there is no such unit", 1),
            ("nginx nosuch", "there is no such unit", 1),
            ("'n*'", "patterns are not expanded", 64),
            ("'a b'", "is not a unit name", 64),
            ("$'a\\033[31m\\nb'", #"a\x1b[31m\nb"#, 64),
            ("''", "is not a unit name", 64),
            ("/etc/passwd", "is not the path of a unit's file", 64),
            ("/etc/nginx.service", "systemd loads nginx.service from", 1),
            ("sysinit.target", "opens no sockets itself", 64),
            ("", "argument", 64), ("--nosuch nginx", "nosuch", 64),
        ] as [(String, String, Int32)] {
            try expectRefusal(
                machine, "exec bash -c \"exec mptcpize enable \(arguments)\"", reason,
                status: status)
        }
        // What is not enabled need not be there.
        let outcome = try machine.mptcpize("disable", "nosuch", "nginx")
        #expect(outcome.succeeded)
        #expect(
            outcome.output == "nosuch.service: was not enabled\nnginx.service: was not enabled\n")
    }

    @Test("units that systemd would not start")
    func unstartable() throws {
        let machine = try ServiceMachine()
        try machine.add(["broken.service": "[Service]\nType=nonsense\n"])
        try machine.must(
            "ln -s /dev/null /etc/systemd/system/nginx.service; systemctl daemon-reload")
        try expectRefusal(machine, "mptcpize enable nginx", "is masked")
        try expectRefusal(machine, "mptcpize enable broken", "systemd cannot load it")
        try machine.must("systemd-run --unit=passing sleep 1000")
        try expectRefusal(machine, "mptcpize enable passing", "is transient")
        try expectRefusal(machine, "mptcpize enable --mode bpf passing", "is transient")
    }

    @Test("main programs that no preload library reaches")
    func programs() throws {
        let machine = try ServiceMachine()
        try machine.must(
            """
            cp /usr/bin/socat /usr/local/bin/setuid; chmod 4755 /usr/local/bin/setuid
            cp /usr/bin/socat /usr/local/bin/capable
            setcap cap_net_bind_service+ep /usr/local/bin/capable
            """)
        let relay = "TCP-LISTEN:8001 PIPE"
        try machine.add([
            "static.service": "[Service]\nExecStart=/bin/busybox nc -l -p 8001\n",
            "named.service": "[Service]\nExecStart=busybox nc -l -p 8001\n",
            "setuid.service": "[Service]\nUser=nobody\nExecStart=/usr/local/bin/setuid \(relay)\n",
            "capable.service":
                "[Service]\nUser=nobody\nExecStart=/usr/local/bin/capable \(relay)\n",
            "root.service": "[Service]\nExecStart=/usr/local/bin/capable \(relay)\n",
        ])
        try expectRefusal(machine, "mptcpize enable static", "statically linked")
        try expectRefusal(machine, "mptcpize enable named", "/busybox: statically linked")
        try expectRefusal(machine, "mptcpize enable setuid", "set-uid")
        try expectRefusal(machine, "mptcpize enable capable", "file capabilities")
        // Neither changes anything for root.
        #expect(try machine.mptcpize("enable", "root").succeeded)
    }

    @Test("a library that others could change, that is hidden, or that is missing")
    func library() throws {
        let machine = try ServiceMachine()
        try machine.add([
            "home.service": "[Service]\nProtectHome=yes\nExecStart=\(Self.python) 8000\n"
        ])
        try machine.must(
            """
            mkdir -p /home/own /opt/open /opt/closed; chmod 777 /opt/open; chmod 700 /opt/closed
            for place in /home/own /opt/open /opt/closed; do cp -a /usr/local/lib $place/; done
            """)
        for (place, reason) in [
            ("/home/own", "ProtectHome= hides"), ("/opt/open", "can be changed by others"),
            ("/opt/closed", "services cannot read it"),
        ] {
            try expectRefusal(
                machine, "MPTCPIZE_LIBRARY=\(place)/lib mptcpize enable home", reason)
        }
        try expectRefusal(
            machine, "MPTCPIZE_LIBRARY=/nowhere mptcpize enable home", "/nowhere", status: 125)
    }

    @Test("a directory that cannot be written, or is full")
    func directories() throws {
        let machine = try ServiceMachine()
        try machine.must("mount -o remount,ro /etc/systemd/system")
        try expectRefusal(machine, "mptcpize enable nginx redis-server", "Read-only file system")
        try machine.must("mount -o remount,rw,size=64k /etc/systemd/system")
        _ = try machine.run("dd if=/dev/zero of=/etc/systemd/system/full bs=4k 2>/dev/null")
        try expectRefusal(machine, "mptcpize enable nginx redis-server", "No space left on device")
        try machine.must("rm /etc/systemd/system/full")
        #expect(try machine.mptcpize("enable", "nginx").succeeded)
        try machine.must("mount -o remount,ro /etc/systemd/system")
        let again = try machine.mptcpize("enable", "--now", "nginx")
        #expect(again.output.contains("was enabled already"), "\(again)")
        try expectRefusal(machine, "mptcpize disable nginx", "Read-only file system")
        #expect(try machine.mptcpize("enable", "--runtime", "redis-server").succeeded)
        #expect(
            try machine.status(of: "redis-server.service").dropIns
                == ["/run/systemd/system/redis-server.service.d/50-mptcpize.conf"])
    }

    @Test("no systemd, no systemctl, not root, no systemd of one's own")
    func surroundings() throws {
        let machine = try ServiceMachine()
        for verb in ["enable nginx", "disable nginx", "status"] {
            try expectRefusal(
                machine,
                "exec unshare --mount sh -c 'mount -t tmpfs none /run; exec mptcpize \(verb)'",
                "does not run here")
            try expectRefusal(machine, "mptcpize \(verb) --user", "XDG_RUNTIME_DIR is not set")
        }
        for verb in ["enable nginx", "disable nginx"] {
            try expectRefusal(
                machine, "setpriv --reuid 65534 --clear-groups mptcpize \(verb)", "only root")
            try expectRefusal(
                machine, "PATH=/nowhere exec /usr/local/bin/mptcpize \(verb)", "cannot be run")
        }
    }

    @Test("a service that does not start with the drop-in, or gets rid of it, runs as before")
    func takenBack() throws {
        let machine = try ServiceMachine()
        try machine.add([
            "picky.service": """
            [Service]
            ExecStartPre=/bin/sh -c '[ -z "$LD_PRELOAD" ]'
            ExecStart=\(Self.python) 8000
            """,
            // systemd forgets it as soon as it has failed.
            "forgotten.service": """
            [Unit]
            CollectMode=inactive-or-failed
            [Service]
            ExecStartPre=/bin/sh -c '[ -z "$LD_PRELOAD" ]'
            ExecStart=\(Self.python) 8002
            """,
            "cleaning.service": "[Service]\nExecStart=/usr/local/bin/clean \(Self.python) 8001\n",
            // systemd knows of no main process.
            "leaving.service": """
            [Service]
            Type=oneshot
            RemainAfterExit=yes
            ExecStart=/bin/sh -c 'env -u LD_PRELOAD \(Self.python) 8003 &'
            """,
        ])
        // Works for a fifth of a second of the processor's time, with the library, before it
        // becomes the program, without: nobody may be content with the first.
        try machine.write(
            """
            #!/bin/sh
            while read -r pid name state f4 f5 f6 f7 f8 f9 f10 f11 f12 f13 user kernel rest \\
                </proc/$$/stat; [ $((user + kernel)) -lt 20 ]
            do :; done
            unset LD_PRELOAD
            exec "$@"

            """, to: "/usr/local/bin/clean")
        try machine.must("chmod 755 /usr/local/bin/clean; systemctl start picky forgotten")
        try machine.must("systemctl start cleaning leaving nginx")
        try expectRefusal(machine, "mptcpize enable --now nginx picky", "picky.service")
        try expectRefusal(machine, "mptcpize enable --now forgotten", "it runs as before")
        try expectRefusal(
            machine, "mptcpize enable --now cleaning", "environment of its own, without")
        try expectRefusal(
            machine, "mptcpize enable --now leaving", "environment of its own, without")
        for (unit, port) in [
            ("picky", 8000), ("cleaning", 8001), ("forgotten", 8002), ("leaving", 8003),
            ("nginx", 80),
        ] {
            #expect(try machine.must("systemctl is-active \(unit)") == "active\n")
            if unit != "leaving" {
                #expect(try machine.environment(of: "\(unit).service")["LD_PRELOAD"] == nil)
            }
            #expect(try !machine.talk(to: port, saying: "GET / HTTP/1.0\r\n\r\n").isMPTCP)
        }
    }

    @Test("files that the administrator keeps, and settings that win over ours")
    func foreignFiles() throws {
        let machine = try ServiceMachine()
        let own = "/etc/systemd/system/nginx.service.d"
        try machine.write("[Service]\nNice=5\n", to: "\(own)/50-mptcpize.conf")
        try expectRefusal(machine, "mptcpize enable nginx", "was not written by mptcpize")
        try expectRefusal(machine, "mptcpize disable nginx", "was not written by mptcpize")
        try machine.must("rm -r \(own); mkdir /opt/d; ln -s /opt/d \(own)")
        try expectRefusal(machine, "mptcpize enable nginx", "not a symbolic link")
        #expect(try machine.must("ls /opt/d") == "")
        try machine.must("rm \(own)")
        try machine.write("[Service]\nUnsetEnvironment=LD_PRELOAD\n", to: "\(own)/override.conf")
        try machine.must("systemctl daemon-reload")
        try expectRefusal(machine, "mptcpize enable nginx", "\(own)/override.conf has UnsetEnv")
    }

    @Test("variables from a FIFO stay there for the service: enable says so, and waits for nobody")
    func fifo() throws {
        let machine = try ServiceMachine()
        try machine.add([
            "piped.service":
                "[Service]\nExecStart=/usr/bin/sleep 60\nEnvironmentFile=/run/variables\n"
        ])
        try machine.must("mkfifo -m 600 /run/variables")
        try expectRefusal(
            machine, "timeout 60 mptcpize enable piped", "/run/variables: is a FIFO: ")
        try machine.must("timeout 60 mptcpize enable --dry-run --mode bpf piped")
    }
}
