import Foundation
import TestSupport
import Testing

/// FIONREAD, and the edges that belong to it: who counts down what it said, or waits until it says
/// enough, gets all that there is.
@Suite("What FIONREAD says", .serialized, .requires(.mptcp))
struct UnreadTests {
    /// What the program meets over TCP is what it meets over MPTCP, and after a fallback.
    private func same(
        _ way: String, peer: String, flavour: Fixtures.Flavour, size: [String] = []
    ) throws {
        let command = try [Fixtures.program("unread", flavour), way, peer] + size
        let library = Products.library(flavour == .i386 ? .i386 : .native)
        let plain = try run(command)
        let mended = try preloaded(command, library: library)
        #expect(plain.succeeded && mended.succeeded, "\(plain)\n\(mended)")
        #expect(mended.output == plain.output)
    }

    @Test(
        "is no reason for an edge-triggered reader to wait while there is data",
        arguments: [
            "counts", "before", "duplicate", "forked", "inherited", "accepted", "signal", "raw",
            "turned",
        ], ["6", "262"])
    func edges(way: String, peer: String) throws {
        // Slower than the writer, or nothing piles up in front of the socket.
        try same(way, peer: peer, flavour: .glibc, size: ["20", "100"])
    }

    /// Each edge costs three system calls and a report in vain.
    @Test(
        "makes no edges for a reader that is told of levels, who gets all there is",
        .requires(.command("strace")), arguments: ["levels", "oneshot"])
    func levels(way: String) throws {
        try same(way, peer: "262", flavour: .glibc, size: ["20", "100"])
        // Those of a new connection (docs/kernel-stall.md) are the same.
        let edges = try lowWaterMarks(way: "counts")
        let levels = try lowWaterMarks(way: way)
        #expect(levels <= 4 && edges > levels, "\(levels) and \(edges)")
    }

    /// How often SO_RCVLOWAT is set by the reader.
    private func lowWaterMarks(way: String) throws -> Int {
        let folder = try TemporaryDirectory()
        let outcome = try run(
            [
                "strace", "-o", folder.file("calls"), "-e", "trace=ioctl,setsockopt", "-E",
                "LD_PRELOAD=\(Products.library())", Fixtures.program("unread"), way, "262",
            ])
        let calls = try String(contentsOfFile: folder.file("calls"), encoding: .utf8)
        #expect(outcome.succeeded && calls.contains("FIONREAD"), "\(outcome)\n\(calls)")
        return calls.split(separator: "\n").count { $0.contains("SO_RCVLOWAT") }
    }

    @Test("is the same under musl", .requires(.flavour(.musl)))
    func musl() throws {
        try same("counts", peer: "6", flavour: .musl, size: ["20", "100"])
        try same("end", peer: "262", flavour: .musl)
    }

    @Test("is the same in programs of 32 bit", .requires(.flavour(.i386)))
    func narrow() throws {
        try same("counts", peer: "6", flavour: .i386, size: ["20", "100"])
        try same("end", peer: "262", flavour: .i386)
    }

    @Test(
        "is as over TCP: a whole message in the end, no byte for the end of the stream",
        arguments: ["message", "end", "unused"], ["6", "262"])
    func counts(way: String, peer: String) throws {
        try same(way, peer: peer, flavour: .glibc)
    }

    @Test("raises no edge again and again where nothing comes", arguments: ["6", "262"])
    func silence(peer: String) throws {
        // Linux 6.7 to 6.14 raise one by themselves at each FIONREAD.
        let kernel = try preloaded(
            [Fixtures.program("unread"), "edges", peer], environment: ["MPTCPIZE_STRICT": "1"])
        if kernel.output.hasPrefix("reports: 100") { return }
        try same("edges", peer: peer, flavour: .glibc)
    }

    @Test(
        "is left to the kernel where the program would be killed for asking more",
        arguments: ["ppoll", "recvfrom", "setsockopt"])
    func confined(call: String) throws {
        let outcome = try preloaded([Fixtures.program("unread_confined"), call])
        #expect(outcome.output == "1\n", "\(outcome)")
    }

    @Test("is the kernel's when strict")
    func strict() throws {
        let outcome = try preloaded(
            [Fixtures.program("unread"), "end", "262"], environment: ["MPTCPIZE_STRICT": "1"])
        #expect(outcome.output.hasSuffix("at the end: 1\nread: 0\n"), "\(outcome)")
    }
}
