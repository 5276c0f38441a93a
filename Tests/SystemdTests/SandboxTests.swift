import Foundation
import TestSupport
import Testing

extension Requirement {
    /// What mounts the image of a unit with RootImage=.
    fileprivate static let loopDevices = Requirement("loop devices, mke2fs and socat") {
        FileManager.default.fileExists(atPath: "/dev/loop-control")
            && Environment.find("mke2fs") != nil && Environment.find("socat") != nil
    }
}

/// Sandboxes with more to them than a service that works: an image, a root of its own that
/// gets mount points, filters of system calls.
@Suite("Sandboxes", .requires(.systemdMachines))
struct SandboxTests {
    private static let relay = "/usr/bin/socat TCP-LISTEN:8001,fork,reuseaddr PIPE"
    /// A root with nothing in it but a relay.
    private static let makeRoot = """
        mkdir -p /srv/root/usr/bin; cp /usr/bin/socat /srv/root/usr/bin/
        for library in $(ldd /usr/bin/socat | grep -o '/[^ ]*'); do
            mkdir -p "/srv/root$(dirname $library)"; cp -L $library "/srv/root$library"
        done
        """

    /// systemd 247 has no place for the library in an image, and says so (PreloadPlanTests).
    @Test(
        "RootImage=: in the image's own /run, and nothing in the image", .requires(.loopDevices),
        arguments: [ServiceMachine.System.own, .trixie])
    func image(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        // Nobody makes device nodes here; which devices are free is the machine's business.
        try machine.must(
            Self.makeRoot + """

                python3 -c 'import os
                for n in range(256): os.mknod(f"/dev/loop{n}", 0o60600, os.makedev(7, n))'
                mknod /dev/loop-control c 10 237
                cd /srv/root; mkdir -p proc sys dev run tmp var/tmp etc; echo ID=x >etc/os-release
                cp -a /srv/root /tmp/share/root
                """)
        let share = machine.machine.share
        try mustRun(["truncate", "-s", "64M", "\(share)/image"])
        // Without a journal, of which even a mount that is read-only writes something.
        try mustRun([
            "mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d", "\(share)/root",
            "\(share)/image",
        ])
        try machine.must("cp /tmp/share/image /srv/image; chmod 444 /srv/image")
        try machine.add([
            "image.service": """
            [Service]
            RootImage=/srv/image
            RootImageOptions=ro
            ExecStart=\(Self.relay)
            """
        ])
        try machine.must("systemctl start image")
        #expect(try machine.talk(to: 8001, saying: "echo") == ("echo", false))
        let properties = try machine.properties(of: "image.service")
        let enabled = try machine.mptcpize("enable", "--now", "image")
        #expect(enabled.succeeded, "\(enabled)")
        #expect(try machine.talk(to: 8001, saying: "echo") == ("echo", true))
        #expect(try machine.status(of: "image.service").reaches == ["preload"])
        #expect(try machine.mptcpize("disable", "--now", "image").succeeded)
        #expect(try machine.talk(to: 8001, saying: "echo") == ("echo", false))
        #expect(try machine.properties(of: "image.service") == properties)
        try machine.must("systemctl stop image; cmp /srv/image /tmp/share/image")
    }

    /// systemd 247 mounts no /run in a root of the service's own.
    @Test("RootDirectory= with mount points in it: they stay while a service runs with them")
    func mountPoints() throws {
        let machine = try ServiceMachine(.bullseye)
        try machine.must(Self.makeRoot)
        try machine.add([
            "rooted.service": "[Service]\nRootDirectory=/srv/root\nExecStart=\(Self.relay)\n"
        ])
        try machine.must("systemctl start rooted")
        // systemd itself has made /proc and others in it.
        let files = try machine.must("find /srv /etc/systemd/system | sort")
        // Nothing is mounted before the service has been started with it.
        #expect(try machine.mptcpize("enable", "rooted").succeeded)
        #expect(try machine.mptcpize("disable", "rooted").succeeded)

        let enabled = try machine.mptcpize("enable", "--now", "rooted")
        #expect(enabled.succeeded, "\(enabled)")
        let during = try machine.must("find /srv /etc/systemd/system | sort")
        let refused = try machine.mptcpize("disable", "rooted")
        #expect(refused.status == 1, "\(refused)")
        #expect(refused.errors.contains("`mptcpize disable --now rooted.service`"))
        #expect(try machine.must("find /srv /etc/systemd/system | sort") == during)
        #expect(try machine.talk(to: 8001, saying: "echo") == ("echo", true))
        // What it starts still finds the library.
        try machine.must("systemctl stop rooted")
        #expect(try machine.mptcpize("disable", "rooted").succeeded)
        #expect(try machine.must("find /srv /etc/systemd/system | sort") == files)
    }

    @Test("a service that does not start with the drop-in leaves no mount points")
    func mountPointsAfterFailure() throws {
        let machine = try ServiceMachine(.bullseye)
        try machine.must(Self.makeRoot + "; mkdir /srv/root/bin; cp /bin/sh /srv/root/bin/")
        try machine.add([
            "picky.service": """
            [Service]
            RootDirectory=/srv/root
            ExecStartPre=/bin/sh -c '[ -z "$LD_PRELOAD" ]'
            ExecStart=\(Self.relay)
            """
        ])
        try machine.must("systemctl start picky")
        let files = try machine.must("find /srv /etc/systemd/system | sort")
        let outcome = try machine.mptcpize("enable", "--now", "picky")
        #expect(outcome.status == 1 && outcome.errors.contains("it runs as before"), "\(outcome)")
        #expect(try machine.must("find /srv /etc/systemd/system | sort") == files)
        #expect(try machine.talk(to: 8001, saying: "echo") == ("echo", false))
    }

    /// A socket that has to become plain TCP, the library's longest way: every system call
    /// that the plan knows of is made or refused.
    private static let demanding = """
        import socket, select
        listener = socket.create_server(("127.0.0.1", 8000))
        while True:
            client = listener.accept()[0]
            other = socket.socket()
            poll = select.epoll()
            poll.register(other)
            other.setsockopt(6, 18, 1000)  # TCP_USER_TIMEOUT, for which connect makes it TCP
            other.connect_ex(("127.0.0.1", 1))
            client.send(client.recv(100))
            client.close()
        """

    @Test(
        "SystemCallFilter=: what would kill is refused, and what the remedy says works",
        arguments: ServiceMachine.System.allCases)
    func filters(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        try machine.write(Self.demanding, to: "/usr/local/bin/demanding.py")
        let service = "[Service]\nExecStart=/usr/bin/python3 /usr/local/bin/demanding.py\n"
        for (index, call) in ["dup3", "ppoll"].enumerated() {
            try machine.add(["f\(index).service": service + "SystemCallFilter=~\(call)\n"])
            try machine.must("systemctl start f\(index)")
            #expect(try machine.talk(to: 8000, saying: "x") == ("x", false))
            let refused = try machine.mptcpize("enable", "--now", "f\(index)")
            #expect(refused.status == 1, "\(refused)")
            #expect(refused.errors.contains("kills programs that call \(call), which"))
            #expect(refused.errors.contains("`SystemCallFilter=~\(call):EPERM`"))
            #expect(try machine.talk(to: 8000, saying: "x") == ("x", false))

            try machine.add([
                "f\(index).service.d/own.conf": "[Service]\nSystemCallFilter=~\(call):EPERM\n"
            ])
            let enabled = try machine.mptcpize("enable", "--now", "f\(index)")
            #expect(enabled.succeeded, "\(enabled)")
            for _ in 0..<2 { #expect(try machine.talk(to: 8000, saying: "x") == ("x", true)) }
            try machine.must("systemctl stop f\(index)")
        }
        // A list of what is allowed, as people take it from strace(1).
        try machine.add([
            "listed.service": service + "SystemCallFilter=@system-service\n"
                + "SystemCallFilter=~dup3\n"
        ])
        let refused = try machine.mptcpize("enable", "listed")
        #expect(refused.status == 1, "\(refused)")
        #expect(refused.errors.contains("`SystemCallFilter=dup3`"))
    }
}
