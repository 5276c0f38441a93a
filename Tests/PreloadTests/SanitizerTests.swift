import TestSupport
import Testing

/// The library's own code under sanitizers, in the programs that the other tests use.
/// RandomTests has the sequences of calls.
@Suite(
    "Sanitizers find nothing", .serialized, .requires(.mptcp),
    .requires(.flavour(.addressSanitizer)))
struct SanitizerTests {
    @Test(
        "in programs that do difficult things", arguments: Sanitizer.allCases,
        [
            ["threads", "4", "500"], ["signals"], ["processes"], ["cancel"], ["socket_matrix"],
            ["socket_remedies", "ignored"], ["socket_remedies", "demoted"],
            ["socket_remedies", "not-demoted"],
        ])
    func difficult(sanitizer: Sanitizer, program: [String]) throws {
        let arguments = Array(program.dropFirst())
        let expected = try preloaded([Fixtures.program(program[0])] + arguments)
        for ring in [nil, try RingFile()] {
            let outcome = try run(
                sanitizer.command(program[0]) + arguments, environment: ring?.environment ?? [:])
            #expect(outcome.output == expected.output, "\(outcome)")
            #expect(outcome.errors.isEmpty, "\(outcome)")
        }
    }

    @Test(
        "in any way of ending a socket", arguments: Sanitizer.allCases,
        [
            "close", "close_range", "closefrom", "fclose", "dup2", "execl", "execvp", "return",
            "_exit", "fork", "vfork", "failed exec", "shutdown",
        ])
    func endings(sanitizer: Sanitizer, way: String) throws {
        let ring = try RingFile()
        let outcome = try run(
            sanitizer.command("endings") + [way], environment: ring.environment)
        #expect(outcome.errors.isEmpty, "\(outcome)")
        #expect(ring.events().contains { $0.kindName == "closed" && $0.wireName == "mptcp" })
    }
}
