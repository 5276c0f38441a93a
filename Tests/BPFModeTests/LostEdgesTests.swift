import Foundation
import LinuxSystem
import TestSupport
import Testing

@testable import BPFMode

@Suite("Edges that a kernel loses", .serialized, .requires(.mptcp))
struct LostEdgesTests {
    /// Whether a reader that goes by FIONREAD hangs with nothing mended. It nearly always does
    /// where it can, less often on a busy machine.
    private func hangs() throws -> Bool {
        for _ in 0..<12 {
            let outcome = try run(
                [
                    "env", "LD_PRELOAD=\(Products.library())", Fixtures.program("unread"),
                    "counts", "6", "20", "100",
                ], environment: ["MPTCPIZE_STRICT": "1"])
            if outcome.output.hasPrefix("HANGS") { return true }
        }
        return false
    }

    @Test("are the reason to refuse the BPF mode, and no other kernel's are")
    func refusal() throws {
        let reason = LostEdges.reason(for: Bytes("/usr/sbin/nginx".utf8))
        #expect(try (reason != nil) == hangs())
        #expect(throws: Never.self) { try LostEdges.refuse(nil, mode: "BPF mode") }
    }
}
