import TestSupport
import Testing

@Suite(
    "Real programs on every kernel", .serialized, .requires(.virtualMachines),
    .requires(.flavour(.musl)))
struct ProgramsOnKernelsTests {
    @Test(
        "say and return what they do over TCP", arguments: [Guest.withoutMPTCP] + Guest.withMPTCP,
        ["socat", "redis", "iperf3", "curl", "nginx"])
    func sameOutcome(kernel: String, program: String) throws {
        let guest = try Guest.booted(kernel)
        let plain = try guest.step("plain \(program)")
        let mptcpized = try guest.step("mptcpized \(program)")
        #expect(plain.output.count > 3 && plain.status == 0, "\(plain)")
        #expect(mptcpized.output == plain.output && mptcpized.status == 0, "\(mptcpized)")
    }
}

@Suite(
    "A kernel without MPTCP", .serialized, .requires(.virtualMachines),
    .requires(.flavour(.musl)))
struct KernelWithoutMPTCPTests {
    private let guest: Guest

    init() throws { guest = try Guest.booted(Guest.withoutMPTCP) }

    @Test("every kind of socket is what it was", arguments: ["matrix", "musl-matrix"])
    func matrix(step: String) throws {
        let matrix = try guest.step(step)
        #expect(matrix.output.firstMatch(of: /^lines [0-9]{4} status 0 0\n/) != nil, "\(matrix)")
    }

    @Test("socket options do what they did", arguments: ["ignored", "demoted", "not-demoted"])
    func remedies(behaviour: String) throws {
        let remedies = try guest.step("remedies \(behaviour)")
        #expect(remedies.output.hasPrefix("lines "), "\(remedies)")
        #expect(remedies.output.contains("status 0 0"), "\(remedies)")
    }

    @Test(
        "the report says TCP and why",
        arguments: ["endings", "musl-endings"], ["close", "dup2", "_exit"])
    func endings(program: String, way: String) throws {
        let report = try guest.report("\(program) \(way)")
        #expect(report.sockets.map(\.role).sorted() == ["accept", "connect", "listen"])
        #expect(report.sockets("connect").map(\.wire) == ["tcp"])
        #expect(report.sockets("connect").map(\.bytesSent) == [1000])
        #expect(report.sockets("accept").map(\.wire) == ["tcp"])
        #expect(report.sockets("listen").map(\.socket) == ["tcp"])
        for socket in report.sockets("connect") + report.sockets("listen") {
            #expect(
                socket.refusal
                    == Report.Refusal(errno: "EPROTONOSUPPORT", reason: "kernel has no MPTCP"))
        }
    }

    @Test("netcat goes over TCP as ever", arguments: ["nobody", "both", "client", "server"])
    func netcat(who: String) throws {
        let conversation = try guest.step(who)
        #expect(conversation.output == "client 0\nserver 0\ncomplete\n", "\(conversation)")
        for side in ["client", "server"] where [side, "both"].contains(who) {
            let report = try guest.report("\(who) \(side)")
            #expect(report.exit == Report.Exit(code: 0))
            #expect(report.summary.mptcp == 0 && report.summary.tcp == 1)
            #expect(report.summary.unknown == 0)
        }
    }
}

@Suite(
    "Kernels with MPTCP, from an older one to the newest", .serialized, .requires(.virtualMachines),
    .requires(.flavour(.musl)))
struct KernelsWithMPTCPTests {
    @Test(
        "sockets become MPTCP exactly when they ask for TCP", arguments: Guest.withMPTCP,
        ["matrix", "musl-matrix"])
    func matrix(kernel: String, step: String) throws {
        let guest = try Guest.booted(kernel)
        let matrix = try guest.step(step)
        let lines = matrix.output.split(separator: "\n")
        let removed = lines.filter { $0.hasPrefix("-") }.map { $0.dropFirst() }
        let added = lines.filter { $0.hasPrefix("+") }.map { $0.dropFirst() }
        // Two families, two protocols, four sets of flags that the kernel takes.
        #expect(removed.count == 16, "\(matrix)")
        #expect(
            removed.map { String($0).replacing(": 6 ", with: ": 262 ") } == added.map { String($0) }
        )
        #expect(removed.allSatisfy { $0.contains(" type 1 ") })
        #expect(lines.last?.hasSuffix("status 0 0") == true)
    }

    @Test(
        "socket options that this kernel refuses are mended too",
        arguments: Guest.withMPTCP, ["ignored", "demoted", "not-demoted"])
    func remedies(kernel: String, behaviour: String) throws {
        let guest = try Guest.booted(kernel)
        let remedies = try guest.step("remedies \(behaviour)")
        let differences = remedies.output.split(separator: "\n")
            .filter { !$0.dropFirst().hasPrefix("protocol") && !$0.hasPrefix("lines ") }
        #expect(differences.isEmpty, "\(remedies)")
        #expect(remedies.output.contains("status 0 0"), "\(remedies)")
    }

    @Test(
        "FIONREAD is as over TCP, and no edge is lost behind it", arguments: Guest.withMPTCP,
        ["counts 6", "counts 262", "signal 6", "end 6", "end 262"])
    func unread(kernel: String, way: String) throws {
        let unread = try Guest.booted(kernel).step("unread \(way)")
        #expect(
            unread.output.firstMatch(of: /^lines [1-9][0-9]* status 0 0\n/) != nil, "\(unread)")
    }

    /// 6.16 has the sign of the fault by which the library knows it; older kernels do not stall.
    @Test(
        "stalls are prevented where the kernel has them, and nothing is set elsewhere",
        arguments: Guest.withMPTCP)
    func stalls(kernel: String) throws {
        let guest = try Guest.booted(kernel)
        let windows = try guest.step("stalls windows")
        let strict = try guest.step("stalls strict")
        if kernel == "7.2" {
            #expect(
                windows.output.hasPrefix("connect: wide limited 1 wide limited 1\n"), "\(windows)")
            #expect(!strict.output.contains("wide"), "\(strict)")
        } else {
            #expect(windows.output == strict.output, "\(windows)\n\(strict)")
        }
        #expect(strict.output.contains("connect: narrow unlimited 1 narrow unlimited 1\n"))
        // On 6.1 the library keeps TCP_NOTSENT_LOWAT, and accepted sockets do not inherit what is kept.
        let changed = try guest.step("stalls options").output.split(separator: "\n")
            .filter { $0.hasPrefix("-") || $0.hasPrefix("+") }
        #expect(
            changed.isEmpty || kernel == "6.1" && changed.allSatisfy { $0.contains("server: ") },
            "\(changed)")
        #expect(try guest.step("stalls options").output.contains("status 0 0"))
        #expect(try guest.step("stalls transfers").status == 0)
    }

    @Test(
        "MPTCP off and on again is followed at once", arguments: Guest.withMPTCP,
        ["toggle", "musl-toggle"])
    func toggle(kernel: String, step: String) throws {
        let guest = try Guest.booted(kernel)
        let toggle = try guest.step(step)
        let (mptcp, tcp) = ("262/4242 262/4242", "6/4242 6/4242")
        #expect(
            toggle.output.split(separator: "\n") == [
                "1: \(mptcp)", "0: \(tcp)", "0: \(tcp)", "1: \(mptcp)", "0: \(tcp)", "1: \(mptcp)",
            ], "\(toggle)")
    }

    @Test(
        "the report knows MPTCP without TCP_IS_MPTCP, and does not invent numbers",
        arguments: Guest.withMPTCP,
        ["endings", "musl-endings"].flatMap { program in
            ["close", "dup2", "_exit"].map { "\(program) \($0)" }
        })
    func endings(kernel: String, step: String) throws {
        let guest = try Guest.booted(kernel)
        let report = try guest.report(step)
        let isCounted = kernel != "6.1"
        #expect(report.sockets("listen").map(\.wire) == ["listening"])
        for role in ["connect", "accept"] {
            let sockets = report.sockets(role)
            #expect(sockets.map(\.wire) == ["mptcp"])
            let (sent, received) = role == "connect" ? (1000, 0) : (0, 1000)
            #expect(sockets.map(\.bytesSent) == [isCounted ? sent : nil])
            #expect(sockets.map(\.bytesReceived) == [isCounted ? received : nil])
        }
    }

    @Test(
        "netcat: the report is what the kernel counted", arguments: Guest.withMPTCP,
        ["both", "client", "server"])
    func netcat(kernel: String, who: String) throws {
        let guest = try Guest.booted(kernel)
        let conversation = try guest.step(who)
        #expect(conversation.output == "client 0\nserver 0\ncomplete\n", "\(conversation)")
        let wires = [
            "both": ["mptcp", "mptcp"], "client": ["fallback", nil], "server": [nil, "tcp"],
        ][who]!
        for (side, role, wire) in [("client", "connect", wires[0]), ("server", "accept", wires[1])]
        {
            guard let wire else { continue }
            let report = try guest.report("\(who) \(side)")
            #expect(report.sockets(role).map(\.wire) == [wire])
            #expect(report.summary.unknown == 0)
        }
        let before = ["both": "nobody", "client": "both", "server": "client"][who]!
        func counted(_ counter: String) throws -> Int {
            try (guest.counter(counter, at: "\(who) counters") ?? -1)
                - (guest.counter(counter, at: "\(before) counters") ?? -1)
        }
        #expect(try counted("MPCapableSYNTX") == (who == "server" ? 0 : 1))
        #expect(try counted("MPCapableSYNACKRX") == (who == "both" ? 1 : 0))
        #expect(try counted("MPCapableACKRX") == (who == "both" ? 1 : 0))
        #expect(try counted("MPCapableFallbackSYNACK") == (who == "client" ? 1 : 0))
    }
}
