import Foundation
import TestSupport
import Testing

/// What the README's table says of the C tool of the same name (Debian's package), and of
/// mptcpize in the same place, tried side by side.
@Suite("The C tool of the same name", .requires(.namespaces), .requires(.established))
struct EstablishedToolTests {
    private static let established = "/usr/bin/mptcpize"

    /// The first line of Tests/Fixtures/socket_matrix.c for TCP over IPv4 under a tool.
    private func socket(
        under tool: String, _ program: String, in namespace: Namespace? = nil
    ) throws -> (line: String, errors: String) {
        let outcome = try run([tool, "run", program], in: namespace)
        let line = outcome.output.split(separator: "\n")
            .first { $0.hasPrefix("family 2 type 1 flags 0 protocol 0:") }
        return (String(line ?? ""), outcome.errors)
    }

    @Test("with MPTCP switched off, a socket() fails under it, and is TCP under mptcpize")
    func switchedOff() throws {
        let namespace = try Namespace()
        try namespace.setMPTCP(enabled: false)
        let program = try Fixtures.program("socket_matrix")
        let theirs = try socket(under: Self.established, program, in: namespace)
        #expect(theirs.line.hasSuffix("errno \(ENOPROTOOPT)"))
        let ours = try socket(under: Products.mptcpize, program, in: namespace)
        #expect(ours.line.contains("protocol 0: 6 "))
    }

    @Test("a program of another C library does not start under it", .requires(.flavour(.musl)))
    func musl() throws {
        let program = try Fixtures.program("socket_matrix", .musl)
        #expect(try socket(under: Self.established, program).errors.contains("symbol not found"))
        #expect(try socket(under: Self.established, program).line == "")
        #expect(try socket(under: Products.mptcpize, program).line.contains("protocol 0: 262 "))
    }

    @Test("a 32-bit program stays TCP under it", .requires(.flavour(.i386)))
    func otherWordSize() throws {
        let program = try Fixtures.program("socket_matrix", .i386)
        let theirs = try socket(under: Self.established, program)
        #expect(theirs.line.contains("protocol 0: 6 "))
        #expect(theirs.errors.contains("wrong ELF class"))
        let ours = try socket(under: Products.mptcpize, program)
        #expect(ours.line.contains("protocol 0: 262 "))
        #expect(ours.errors == "")
    }

    @Test("a static program stays TCP under it without a word")
    func unreachable() throws {
        let program = try Fixtures.program("socket_matrix", .staticGlibc)
        let theirs = try socket(under: Self.established, program)
        #expect(theirs.line.contains("protocol 0: 6 "))
        #expect(theirs.errors == "")
        let ours = try socket(under: Products.mptcpize, program)
        #expect(ours.line.contains("protocol 0: 6 ") || ours.line.contains("protocol 0: 262 "))
        #expect(ours.errors.contains("statically linked"))
    }

    @Test("an option that MPTCP refuses is an error under it", .requires(.command("python3")))
    func options() throws {
        let program = [
            "python3", "-c",
            "from socket import *; socket().setsockopt(SOL_SOCKET, SO_OOBINLINE, 1); print('ok')",
        ]
        let theirs = try run([Self.established, "run"] + program)
        #expect(theirs.status == 1)
        #expect(theirs.errors.contains("Operation not supported"))
        #expect(try mustRun([Products.mptcpize, "run"] + program) == "ok\n")
    }

    @Test("it loses an LD_PRELOAD that was there")
    func preloads() throws {
        let library = try Fixtures.library("counting_preload")
        let print = ["run", "sh", "-c", "echo $LD_PRELOAD"]
        let theirs = try mustRun(
            [Self.established] + print, environment: ["LD_PRELOAD": library])
        #expect(!theirs.contains(library))
        let ours = try mustRun([Products.mptcpize] + print, environment: ["LD_PRELOAD": library])
        #expect(ours.hasPrefix("\(library):"))
    }

    @Test("a program that is not there: its exit status says nothing")
    func status() throws {
        #expect(try run([Self.established, "run", "/nonexistent"]).status == 255)
        #expect(try run([Products.mptcpize, "run", "/nonexistent"]).status == 127)
    }
}
