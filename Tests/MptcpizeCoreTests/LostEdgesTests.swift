import Foundation
import TestSupport
import Testing

@testable import MptcpizeCore

@Suite("Edges that a kernel loses", .serialized, .requires(.mptcp), .requires(.command("nginx")))
struct LostEdgesTests {
    /// Whether a reader that goes by FIONREAD hangs with nothing mended. It nearly always does
    /// where it can.
    private func hangs() throws -> Bool {
        for _ in 0..<3 {
            let outcome = try run(
                [
                    "env", "LD_PRELOAD=\(Products.library())", Fixtures.program("unread"),
                    "counts", "6", "20", "100",
                ], environment: ["MPTCPIZE_STRICT": "1"])
            if outcome.output.hasPrefix("HANGS") { return true }
        }
        return false
    }

    @Test("are the reason to refuse nginx the BPF mode, and no other kernel's are")
    func refusal() throws {
        let path = Bytes(try #require(Environment.find("nginx")))
        let program = try ProgramFile(path, searchPath: nil, on: HostSystem())
        #expect(try (LostEdges.reason(for: program) != nil) == hangs())
        let other = try ProgramFile(Bytes("/bin/sh"), searchPath: nil, on: HostSystem())
        #expect(LostEdges.reason(for: other) == nil)
    }
}
