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

    @Test("sockets that have nothing to gain, or would not open")
    func refused() throws {
        let machine = try ServiceMachine(.trixie)
        try machine.add(Self.units)
        for (unit, reason) in [("local", "no TCP port"), ("both", "listens on /run/both.sock too")]
        {
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

    @Test("ssh by its socket: the service has no listener of its own to change")
    func ssh() throws {
        let machine = try ServiceMachine()
        try machine.must("systemctl start ssh.socket")
        let refused = try machine.mptcpize("enable", "ssh.service")
        #expect(refused.status == 1)
        #expect(refused.errors.contains("gets its listening socket from ssh.socket"))
        // The way out that it names.
        try machine.must("systemctl disable --now ssh.socket; systemctl enable --now ssh.service")
        #expect(try machine.mptcpize("enable", "--now", "ssh.service").succeeded)
        #expect(try machine.talk(to: 22).isMPTCP)
    }
}
