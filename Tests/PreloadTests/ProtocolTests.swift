import TestSupport
import Testing

/// SO_PROTOCOL, by which asyncio decides about sockets that it was handed.
@Suite("SO_PROTOCOL", .requires(.mptcp), .requires(.command("python3")))
struct ProtocolTests {
    private let adopting = ["python3", Repository.path("Tests/Fixtures/adopted_socket.py")]

    @Test("is the kernel's answer, 262")
    func kernel() throws {
        #expect(try preloaded(adopting).output.hasPrefix("read: 262 "))
        let off = ["MPTCPIZE_PROTOCOL_AS_TCP": "0"] as [String: String?]
        #expect(try preloaded(adopting, environment: off).output.hasPrefix("read: 262 "))
    }

    @Test("reads as over TCP with --protocol-as-tcp, in what the program starts too")
    func asTCP() throws {
        let plain = try run(adopting)
        let mended = try run([Products.mptcpize, "run", "--protocol-as-tcp"] + adopting)
        #expect(plain.succeeded && mended.output == plain.output, "\(mended)")
        #expect(plain.output.contains("accepted: 6 TCP_NODELAY 1\n"))
        #expect(mended.output.contains("sock_connect: done\n"))
    }

    @Test("stays 262 for a socket that the program itself asked for")
    func askedFor() throws {
        let outcome = try run(
            [Products.mptcpize, "run", "--protocol-as-tcp"] + adopting + ["own"])
        #expect(outcome.output == "asked for: 262 262 beside 6\n", "\(outcome)")
    }

    @Test("the report is not deceived")
    func report() throws {
        let directory = try TemporaryDirectory()
        let file = directory.file("report")
        let outcome = try run(
            [Products.mptcpize, "run", "--json", "-o", file, "--protocol-as-tcp"] + adopting)
        #expect(outcome.succeeded, "\(outcome)")
        #expect(try !Report(file: file).sockets("connect", "mptcp").isEmpty)
    }

    @Test(
        "is TCP in programs that give their sockets to the kernel, by their names, and in no others",
        arguments: [
            ("nbd-client", "6 6\n"), ("iscsid", "6 6\n"), ("iscsistart", "6 6\n"),
            ("rpc.nfsd", "6 6\n"), ("nbd-client2", "262 262\n"), ("nbd", "262 262\n"),
        ])
    func kernelUsers(name: String, expected: String) throws {
        let directory = try TemporaryDirectory()
        let program = directory.file(name)
        try mustRun(["cp", Fixtures.program("protocol"), program])
        #expect(try preloaded([program]).output == expected)
    }

    @Test("--protocol-as-tcp is refused where there is no library to do it")
    func bpf() throws {
        let outcome = try run([Products.mptcpize, "run", "--protocol-as-tcp", "--mode=bpf", "true"])
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("--protocol-as-tcp needs the preload library"))
    }
}
