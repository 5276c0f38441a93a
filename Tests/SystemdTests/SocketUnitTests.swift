import Foundation
import TestSupport
import Testing

/// Socket units: systemd opens the listener, and only systemd can make it MPTCP.
@Suite("Socket units", .requires(.systemdMachines))
struct SocketUnitTests {
    private static let units = [
        "one.socket": "[Socket]\nListenStream=127.0.0.1:8000\n",
        "one.service": """
        [Service]
        ExecStart=/usr/bin/python3 -c 'if True: \\
            import socket; \\
            listener = socket.socket(fileno=3); \\
            [(c := listener.accept()[0], c.send(c.recv(100)), c.close()) for _ in iter(int, 1)]'
        """,
        "each.socket": "[Socket]\nListenStream=8001\nAccept=yes\n",
        "each@.service": "[Service]\nExecStart=/bin/cat\nStandardInput=socket\n",
        "local.socket": "[Socket]\nListenStream=/run/local.sock\n",
        "local.service": "[Service]\nExecStart=/bin/cat\n",
        "both.socket": "[Socket]\nListenStream=/run/both.sock\nListenStream=8002\n",
        "both.service": "[Service]\nExecStart=/bin/cat\n",
    ]

    @Test("one service for all, and one for each connection, where systemd can")
    func supported() throws {
        let machine = try ServiceMachine(.trixie)
        try machine.add(Self.units)
        try machine.must("systemctl start one.socket each.socket; systemctl start one.service")
        let files = try machine.unitFiles()
        let properties = try ["one.socket", "each.socket"].map(machine.properties)
        for port in [8000, 8001] {
            #expect(try machine.talk(to: port, saying: "x") == ("x", false))
        }
        let enabled = try machine.mptcpize("enable", "--now", "one.socket", "each.socket")
        #expect(enabled.succeeded, "\(enabled)")
        for port in [8000, 8001] {
            #expect(try machine.talk(to: port, saying: "x") == ("x", true))
        }
        // The service that ran runs again; with its socket enabled, it may be enabled too.
        #expect(try machine.must("systemctl is-active one.service") == "active\n")
        #expect(try machine.mptcpize("enable", "one.service").succeeded)
        // Its program is Python, which is told that the sockets it is handed are TCP.
        let environment = try machine.properties(of: "one.service")["Environment"] ?? ""
        #expect(environment.contains("MPTCPIZE_PROTOCOL_AS_TCP=1"))
        #expect(try machine.mptcpize("disable", "one.service").succeeded)
        let status = try machine.status(of: "one.socket")
        #expect(status.configuration == "current" && !status.needsRestart)
        #expect(status.listeners?.listening == .init(mptcp: 1, tcp: 0))
        let disabled = try machine.mptcpize("disable", "--now", "one.socket", "each.socket")
        #expect(disabled.succeeded, "\(disabled)")
        for port in [8000, 8001] {
            #expect(try machine.talk(to: port, saying: "x") == ("x", false))
        }
        #expect(try machine.unitFiles() == files)
        #expect(try ["one.socket", "each.socket"].map(machine.properties) == properties)
    }

    @Test(
        "a service that is given MPTCP sockets: refused options are mended once it is enabled too")
    func remedies() throws {
        let machine = try ServiceMachine(.trixie)
        try machine.write(
            """
            import socket, sys
            def corked(connection):
                try:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                    return b"corked"
                except OSError as error:
                    return error.strerror.encode()
            if len(sys.argv) > 1:
                print(corked(socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)).decode())
                sys.exit()
            listener = socket.socket(fileno=3)
            while True:
                connection = listener.accept()[0]
                answer = corked(connection)
                connection.recv(100)
                connection.send(answer)
                connection.close()
            """, to: "/usr/local/bin/corked.py")
        try machine.add([
            "corked.socket": "[Socket]\nListenStream=127.0.0.1:8000\n",
            "corked.service":
                "[Service]\nExecStart=/usr/bin/python3 /usr/local/bin/corked.py\n",
        ])
        try machine.must("systemctl start corked.socket")
        #expect(try machine.talk(to: 8000, saying: "x") == ("corked", false))
        try machine.must("mptcpize enable --now corked.socket")
        let kernel = try machine.must("python3 /usr/local/bin/corked.py try")
            .trimmingCharacters(in: .newlines)
        #expect(try machine.talk(to: 8000, saying: "x") == (kernel, true))
        try machine.must("mptcpize enable --now corked.socket corked.service")
        #expect(try machine.talk(to: 8000, saying: "x") == ("corked", true))
    }

    @Test("sockets that have nothing to gain, or would not open")
    func refused() throws {
        let machine = try ServiceMachine(.trixie)
        try machine.add(Self.units)
        for (unit, reason) in [
            ("local", "no TCP port"), ("both", "also listens on /run/both.sock"),
        ] {
            let outcome = try machine.mptcpize("enable", "\(unit).socket")
            #expect(outcome.status == 1 && outcome.errors.contains(reason), "\(outcome)")
        }
        try machine.must("echo 0 >/proc/sys/net/mptcp/enabled")
        let outcome = try machine.mptcpize("enable", "one.socket")
        #expect(outcome.status == 1 && outcome.errors.contains("would not start"), "\(outcome)")
    }

    @Test(
        "an older systemd ignores the setting: refused, with the way out",
        arguments: [ServiceMachine.System.own, .bullseye])
    func unsupported(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        try machine.add(Self.units)
        let files = try machine.unitFiles()
        for arguments in [["one.socket"], ["--now", "one.socket"], ["--dry-run", "one.socket"]] {
            let outcome = try machine.machine.run(["mptcpize", "enable"] + arguments)
            #expect(outcome.status == 1, "\(outcome)")
            #expect(outcome.errors.contains("came with 257"))
            #expect(outcome.errors.contains("systemctl disable --now one.socket"))
        }
        #expect(try machine.unitFiles() == files)
    }

    /// Gives root a key that the machine's own sshd takes.
    private func prepareSSH(_ machine: ServiceMachine) throws {
        try machine.must(
            """
            install -d -m 700 /root/.ssh
            ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
            cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
            ssh-keygen -A >/dev/null
            """)
    }

    /// A session, by a client that asks for MPTCP; what the server's side of it was.
    private func session(_ machine: ServiceMachine) throws -> Bool {
        try machine.overMPTCP {
            let ssh = "ssh -o StrictHostKeyChecking=no -o BatchMode=yes 127.0.0.1"
            let words = try machine.must("mptcpize run \(ssh) 'head -c 100000 /dev/zero | wc -c'")
            #expect(words == "100000\n")
        }
    }

    @Test("ssh by its socket, where systemd can: sessions over MPTCP, and no trace after disable")
    func sshBySocket() throws {
        let machine = try ServiceMachine(.trixie)
        try prepareSSH(machine)
        try machine.must("systemctl enable --now ssh.socket 2>/dev/null")
        #expect(try !session(machine))
        let files = try machine.unitFiles()
        let properties = try ["ssh.socket", "ssh.service"].map(machine.properties)

        let refused = try machine.mptcpize("enable", "ssh.service")
        #expect(refused.status == 1)
        #expect(refused.errors.contains("gets its listening socket from ssh.socket"))
        #expect(refused.errors.contains("`mptcpize enable ssh.socket`"))
        #expect(try machine.unitFiles() == files)

        let enabled = try machine.mptcpize("enable", "--now", "ssh.socket")
        #expect(enabled.succeeded, "\(enabled)")
        #expect(enabled.output.contains("it uses MPTCP"))
        #expect(enabled.output.contains("after `mptcpize enable ssh.service`"))
        #expect(try session(machine))
        let status = try machine.status(of: "ssh.socket")
        #expect(status.listeners?.listening == .init(mptcp: 1, tcp: 0))

        let both = try machine.mptcpize("enable", "--now", "ssh.socket", "ssh.service")
        #expect(both.succeeded && !both.output.contains("after `mptcpize"), "\(both)")
        #expect(try session(machine))
        #expect(try machine.status(of: "ssh.service").reaches.contains("preload"))

        let disabled = try machine.mptcpize("disable", "--now", "ssh.socket", "ssh.service")
        #expect(disabled.succeeded, "\(disabled)")
        #expect(try !session(machine))
        #expect(try machine.unitFiles() == files)
        #expect(try ["ssh.socket", "ssh.service"].map(machine.properties) == properties)
    }

    @Test(
        "ssh by itself: sessions over MPTCP, and no trace after disable",
        arguments: ServiceMachine.System.allCases)
    func sshByItself(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        try prepareSSH(machine)
        try machine.must("systemctl enable --now ssh.service 2>/dev/null")
        #expect(try !session(machine))
        let properties = try machine.properties(of: "ssh.service")
        #expect(try machine.mptcpize("enable", "--now", "ssh.service").succeeded)
        #expect(try session(machine))
        #expect(try machine.mptcpize("disable", "--now", "ssh.service").succeeded)
        #expect(try !session(machine))
        #expect(try machine.properties(of: "ssh.service") == properties)
    }

    @Test(
        "ssh by its socket, where systemd cannot: the way out that is named leads there",
        arguments: [ServiceMachine.System.own, .bullseye])
    func sshWithoutSupport(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        try prepareSSH(machine)
        try machine.must("systemctl start ssh.socket")
        let files = try machine.unitFiles()
        for unit in ["ssh.service", "ssh.socket"] {
            let refused = try machine.mptcpize("enable", unit)
            #expect(refused.status == 1, "\(refused)")
            #expect(refused.errors.contains("ssh.socket"))
        }
        #expect(try machine.unitFiles() == files)
        try machine.must(
            "systemctl disable --now ssh.socket; systemctl enable --now ssh.service 2>/dev/null")
        #expect(try machine.mptcpize("enable", "--now", "ssh.service").succeeded)
        #expect(try session(machine))
    }
}
