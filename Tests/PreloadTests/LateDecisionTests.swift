import SocketPolicy
import TestSupport
import Testing

/// Options that make a socket TCP only if it is used in a way in which they mean something.
@Suite("Late decisions", .requires(.mptcp), .requires(.command("python3")))
struct LateDecisionTests {
    private let program = ["python3", Repository.path("Tests/Fixtures/late_options.py")]

    /// The protocols that a line tells of: "262", or "262 262".
    private func protocols(_ output: String) -> [String: String] {
        var found: [String: String] = [:]
        for line in output.split(separator: "\n") where line.hasPrefix("protocol of ") {
            let parts = line.dropFirst("protocol of ".count).split(separator: ":")
            found[String(parts[0])] = String(parts[1].dropFirst())
        }
        return found
    }

    @Test("show a program nothing but the protocol")
    func sameAsTCP() throws {
        func lines(_ outcome: Outcome) -> [Substring] {
            outcome.output.split(separator: "\n").filter { !$0.hasPrefix("protocol") }
        }
        let (plain, mended) = (try run(program), try preloaded(program))
        #expect(plain.succeeded && mended.succeeded, "\(mended)")
        #expect(lines(mended) == lines(plain))
    }

    @Test("are made by connect or listen, and cost no other socket its MPTCP")
    func decided() throws {
        let found = protocols(try preloaded(program).output)
        for name in [
            "TCP_USER_TIMEOUT", "TCP_USER_TIMEOUT, v6", "IP_RECVERR", "IPV6_RECVERR",
            "IPV6_ADDR_PREFERENCES",
        ] {
            #expect(found["\(name), set"] == "262")
            #expect(found["\(name), listening"] == "262")
            #expect(found["\(name), its connections"] == "262 262")
            #expect(found["\(name), connected"] == "6 6")
        }
        #expect(found["TCP_SAVE_SYN, set"] == "262")
        #expect(found["TCP_SAVE_SYN, listening"] == "6")
        #expect(found["TCP_SAVE_SYN, connected"] == "262 262")
        #expect(found["what was taken back"] == "262")
        #expect(found["both"] == "6")
    }

    @Test("are recorded when they are made")
    func recorded() throws {
        let ring = try RingFile()
        _ = try preloaded(program, environment: ring.environment)
        let timeouts = ring.events().filter { $0.kindName == "remedied" && $0.option_name == 18 }
        let remedies = Set(timeouts.map(\.remedy))
        #expect(
            remedies
                == [UInt16(MPTCPIZE_DEMOTE.rawValue), UInt16(MPTCPIZE_IGNORE.rawValue)])
        #expect(timeouts.allSatisfy { [92, 95].contains($0.error) })
    }
}
