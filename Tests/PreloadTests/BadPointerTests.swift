import TestSupport
import Testing

/// Pointers that are no good: errors as over TCP, and no crash.
@Suite("Bad pointers", .serialized, .requires(.mptcp))
struct BadPointerTests {
    /// Options that MPTCP refuses to tell or to set, and of which the kernel copies more or less
    /// than an integer: at the very end of a page, or to read-only memory, the answer differs.
    private static let odd: Set<Substring> = [
        "sockopt 0 4", "sockopt 0 9", "sockopt 0 32", "sockopt 1 47", "sockopt 41 6",
        "sockopt 41 54", "sockopt 41 55", "sockopt 41 57", "sockopt 41 59",
    ]

    private func lines(_ outcome: Outcome) throws -> [Substring] {
        try #require(outcome.end == .exited(0), "\(outcome.end) \(outcome.output.suffix(200))")
        return outcome.output.split(separator: "\n")
    }

    @Test(
        "fail where they fail over TCP, and nowhere else, in every function, and never crash",
        arguments: [Fixtures.Flavour.glibc, .musl, .i386])
    func everywhere(flavour: Fixtures.Flavour) throws {
        let program = try Fixtures.program("bad_pointers", flavour)
        let overTCP = try lines(run([program]))
        // What the kernel itself does with pointers that it does not look at over MPTCP.
        let overMPTCP = try lines(run([program, "mptcp"]))
        let ring = try RingFile()
        for environment in [[:], ring.environment] {
            let ours = try lines(
                preloaded(
                    [program], library: Products.library(flavour == .i386 ? .i386 : .native),
                    environment: environment))
            try #require(ours.count == overTCP.count && ours.count == overMPTCP.count)
            for (index, line) in ours.enumerated() where line != overTCP[index] {
                let isFault = line.hasSuffix("errno 14"), fails = line.contains("errno")
                let wasFault = overTCP[index].hasSuffix("errno 14")
                let failed = overTCP[index].contains("errno")
                if line == overMPTCP[index] || !(wasFault && !fails || isFault && !failed) {
                    continue
                }
                let words = line.split { $0 == " " || $0 == "," }
                let option = words.count > 4 ? "\(words[2].suffix(7)) \(words[3]) \(words[4])" : ""
                #expect(Self.odd.contains(option[...]), "\(line), over TCP: \(overTCP[index])")
            }
        }
    }
}
