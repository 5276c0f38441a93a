import Foundation
import SocketEvents
import SocketPolicy
import TestSupport
import Testing

/// What mends socket options that MPTCP lacks: programs see what they see over TCP.
@Suite("Remedies", .serialized, .requires(.mptcp))
struct RemedyTests {
    private func lines(_ output: String) -> [Substring] {
        output.split(separator: "\n").filter { !$0.hasPrefix("protocol") }
    }

    @Test(
        "show a program nothing but the protocol",
        arguments: ["ignored", "small-buffer", "cork", "demoted", "not-demoted"],
        [Fixtures.Flavour.glibc, .i386])
    func sameAsTCP(behaviour: String, flavour: Fixtures.Flavour) throws {
        let program = try Fixtures.program("socket_remedies", flavour)
        let library = Products.library(flavour == .i386 ? .i386 : .native)
        let plain = try run([program, behaviour])
        let mended = try preloaded([program, behaviour], library: library)
        #expect(plain.succeeded && mended.succeeded, "\(mended)")
        #expect(lines(mended.output) == lines(plain.output))
        #expect(!mended.output.contains("late"))
    }

    @Test(
        "show nothing either to 32-bit programs with 64 bits of time, which call other names",
        .requires(.flavour(.i386)), arguments: ["ignored", "cork", "demoted", "not-demoted"])
    func wideTime(behaviour: String) throws {
        let program = try Fixtures.program(
            "socket_remedies", .i386, flags: ["-D_TIME_BITS=64", "-D_FILE_OFFSET_BITS=64"])
        // Headers before glibc 2.34 do not know the option.
        try #require(mustRun(["nm", "-D", program]).contains("__setsockopt64"))
        let plain = try run([program, behaviour])
        let mended = try preloaded([program, behaviour], library: Products.library(.i386))
        #expect(plain.succeeded && mended.succeeded, "\(mended)")
        #expect(lines(mended.output) == lines(plain.output))
    }

    /// Half of them are 40 ms late without a push: a link's segments are smaller than an answer.
    @Test(
        "push a corked answer when it is uncorked, over one path and over two",
        .requires(.namespaces), .requires(.command("python3")), arguments: [0, 1])
    func corkedAnswers(additionalSubflows: Int) throws {
        let paths = try TwoPaths(additionalSubflows: additionalSubflows)
        let program = ["python3", Repository.path("Tests/Fixtures/corked_answers.py")]
        let environment = ["LD_PRELOAD": Products.library()]
        let server = try Background(
            program + ["serve"], environment: environment, in: paths.server)
        try server.waitUntilListening(on: 5000)
        let late = try mustRun(
            program + ["ask", TwoPaths.serverAddresses[0]], environment: environment,
            in: paths.client)
        // A busy machine is late too.
        #expect(Int(late.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 400 < 50, "\(late)")
    }

    /// Web servers cork once for each response; nginx sets TCP_NODELAY where it does not.
    @Test(
        "ask the kernel nothing for a corked response after the first",
        .requires(.command("strace")), arguments: [0, 1])
    func corkedResponses(nodelay: Int) throws {
        let folder = try TemporaryDirectory()
        let script = """
            import socket
            l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen()
            c = socket.socket(); c.connect(l.getsockname()); a, _ = l.accept()
            a.setsockopt(6, socket.TCP_NODELAY, \(nodelay))
            for _ in range(50):
                a.setsockopt(6, socket.TCP_CORK, 1); a.send(b"x"); a.setsockopt(6, socket.TCP_CORK, 0)
                c.recv(1)
            """
        let calls = try ["", Products.library()].map { library in
            try mustRun([
                "strace", "-o", folder.file("calls"), "-e",
                "trace=setsockopt,getsockopt,getpid,fstat,newfstatat", "-E",
                "LD_PRELOAD=\(library)", "python3", "-c", script,
            ])
            return try String(contentsOfFile: folder.file("calls"), encoding: .utf8)
                .split(separator: "\n").count
        }
        // Those of the connection and of the first response.
        #expect(calls[0] > 100 && calls[1] - calls[0] < 30, "\(calls)")
    }

    @Test(
        "show TCP_NODELAY of a corked socket as the program has set it",
        .requires(.command("python3")))
    func corkedNodelay() throws {
        let program = ["python3", Repository.path("Tests/Fixtures/corked_nodelay.py")]
        let plain = try run(program)
        let mended = try preloaded(program)
        #expect(plain.succeeded && mended.output == plain.output, "\(mended)")
    }

    @Test(
        "uncork no socket of a process because a child of it ends, or closes its own",
        arguments: [Fixtures.Flavour.glibc, .i386])
    func corkInChildren(flavour: Fixtures.Flavour) throws {
        let program = try Fixtures.program("cork_children", flavour)
        let plain = try run([program])
        let mended = try preloaded(
            [program], library: Products.library(flavour == .i386 ? .i386 : .native))
        #expect(plain.succeeded && mended.output == plain.output, "\(mended)")
    }

    @Test(
        "take on a connected socket what changes nothing over TCP, such as no device",
        .requires(.command("python3")), .requires(.root))
    func harmless() throws {
        let program = ["python3", Repository.path("Tests/Fixtures/harmless_options.py"), "lo"]
        let plain = try run(program)
        let mended = try preloaded(program)
        #expect(plain.succeeded && mended.output == plain.output, "\(mended)")
    }

    @Test("replace only the sockets that have to be TCP")
    func demotion() throws {
        let program = try Fixtures.program("socket_remedies")
        let output = try preloaded([program, "demoted"]).output
        #expect(output.contains("protocol of the socket before: 262\n"))
        #expect(output.contains("protocol of the socket after: 6\n"))
        #expect(output.contains("protocol of its duplicate: 6\n"))
        let others = try preloaded([program, "not-demoted"]).output
        #expect(others.contains("protocol of the untouched socket: 262\n"))
        #expect(others.contains("protocol of the connected socket: 262\n"))
    }

    @Test(
        "leave every kernel error alone when strict, and record nothing",
        arguments: ["ignored", "demoted", "not-demoted"])
    func strict(behaviour: String) throws {
        let program = try Fixtures.program("socket_remedies")
        // As the kernel answers a program that asks for MPTCP by itself.
        let kernel = try mustRun([program, behaviour, "asking"])
        let ring = try RingFile()
        let environment = ring.environment.merging(["MPTCPIZE_STRICT": "1"]) { $1 }
        let strict = try preloaded([program, behaviour], environment: environment)
        #expect(strict.output == kernel, "\(strict)")
        #expect(!ring.events().contains { $0.kindName == "remedied" })
    }

    @Test(
        "harm no socket where a filter answers one of their system calls with an error",
        arguments: [
            "fstat", "dup3", "fcntl", "ppoll", "bind", "epoll_ctl", "getsockname",
        ])
    func refusedCall(call: String) throws {
        let outcome = try preloaded([Fixtures.program("refused_call"), call])
        #expect(
            outcome.output == """
                other socket: the same
                flags: nonblocking close-on-exec
                SO_REUSEADDR: 0

                """, "\(outcome)")
    }

    @Test(
        "open no file for each of a server's sockets when they replace one",
        .requires(.tracing))
    func manySockets() throws {
        let files = try TemporaryDirectory()
        let trace = files.file("trace")
        let output = try mustRun([
            "strace", "-e", "trace=openat", "-o", trace, "/usr/bin/env",
            "LD_PRELOAD=\(Products.library())", Fixtures.program("many_sockets"), "1500",
        ])
        #expect(output == "6\n")
        let opened = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
        // Its own start, the table's size twice, and the epoll set.
        #expect(opened.count < 40, "\(opened.count)")
    }

    @Test("are off for run --strict")
    func strictRun() throws {
        let program = try Fixtures.program("socket_remedies")
        let kernel = try mustRun([program, "ignored", "asking"])
        let mended = try mustRun([Products.mptcpize, "run", program, "ignored"])
        let strict = try mustRun([Products.mptcpize, "run", "--strict", program, "ignored"])
        #expect(kernel.contains("TCP_QUICKACK: E") && kernel.contains("SIOCATMARK: ENOTTY"))
        #expect(strict == kernel)
        #expect(mended != kernel)
    }

    @Test("are recorded, once for each socket and option, with the kernel's refusal")
    func recorded() throws {
        let ring = try RingFile()
        _ = try preloaded(
            [Fixtures.program("socket_remedies"), "demoted"], environment: ring.environment)
        let remedied = ring.events().filter { $0.kindName == "remedied" }
        let demotions = remedied.filter { $0.remedy == UInt16(MPTCPIZE_DEMOTE.rawValue) }
        #expect(demotions.count == 2)  // the socket and its duplicate
        for event in demotions {
            #expect(event.option_level == 1 && event.option_name == 47 && event.got == 6)
            #expect(event.error == EOPNOTSUPP || event.error == ENOPROTOOPT)
        }
        #expect(Set(demotions.map(\.inode)).count == 1)
        let ignored = remedied.filter { $0.remedy == UInt16(MPTCPIZE_IGNORE.rawValue) }
        #expect(ignored.map(\.option_name) == [12, 8])
        let adjusted = remedied.filter { $0.remedy == UInt16(MPTCPIZE_ADJUST.rawValue) }
        #expect(adjusted.map(\.option_name) == [8])
    }

    /// What the probe still finds to differ between TCP and MPTCP.
    @Test("leave no option refused that a line of the table promises to take")
    func everyOption() throws {
        let output = try mustRun(
            ["env", "LD_PRELOAD=\(Products.library())", Fixtures.program("probe_options")])
        // Options were tried on MPTCP sockets, those of the last level too.
        #expect(output.contains("\nIPPROTO_TCP 31 ") && output.contains("\nIPPROTO_IPV6 "))
        var count = 0
        let table = mptcpize_option_table(&count)!
        let levels: [Int32: String] = [
            0: "IPPROTO_IP", 1: "SOL_SOCKET", 6: "IPPROTO_TCP", 41: "IPPROTO_IPV6",
        ]
        for index in 0..<count {
            let line = table[index]
            guard let level = levels[line.level],
                mptcpize_remedy(UInt32(line.remedy)) == MPTCPIZE_IGNORE
            else { continue }
            let refused = output.split(separator: "\n").filter {
                $0.hasPrefix("\(level) \(line.number) ")
                    && ($0.contains("ok|ENOPROTOOPT") || $0.contains("ok|EOPNOTSUPP"))
            }
            #expect(refused.isEmpty, "\(refused)")
        }
    }
}
