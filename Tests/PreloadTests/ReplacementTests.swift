import TestSupport
import Testing

/// A socket that has to be TCP is replaced in one step, or not at all.
@Suite("Replacing a socket by plain TCP", .serialized, .requires(.mptcp))
struct ReplacementTests {
    /// What Tests/Fixtures/replacement.c can do.
    private static let behaviours = [
        "shared-set", "one-shot", "closed-number", "taken-number", "many", "bound", "group",
        "buffers", "asynchronous", "limited", "thread", "process", "raw-process",
    ]

    @Test("is not noticed", arguments: behaviours)
    func unnoticed(behaviour: String) throws {
        try compare([behaviour])
    }

    /// Where a socket cannot be replaced, such an option is refused, unlike by TCP.
    @Test(
        "is not noticed where an option asks for it at once",
        arguments: [
            "shared-set", "closed-number", "bound", "buffers", "asynchronous", "thread", "process",
            "raw-process",
        ])
    func atOnce(behaviour: String) throws {
        try compare([behaviour, "at-once"])
    }

    @Test(
        "is not noticed in another network, nor without /proc",
        .requires(.namespaces), arguments: ["elsewhere", "without-proc"])
    func unnoticedByRoot(behaviour: String) throws {
        try compare([behaviour])
    }

    @Test(
        "is not noticed in 32-bit programs", .requires(.flavour(.i386)), arguments: behaviours)
    func i386(behaviour: String) throws {
        try compare([behaviour], .i386)
    }

    /// What Tests/Fixtures/replace_faults.c prints where no fault leaves a trace.
    private static let outcomes = [
        "one number: replaced", "bound: replaced", "several numbers: replaced",
        "bound, several numbers: replaced", "in one epoll set: replaced",
        "in epoll sets: replaced",
        "one-shot and exclusive: replaced", "one-shot that has fired: left alone",
        "bound, numbers and sets: replaced", "registered under a closed number: replaced",
        "registered under a number in use: left alone",
        "registered under another socket's number: replaced", "O_ASYNC: replaced",
        "O_ASYNC, several numbers: left alone", "bound, open elsewhere: replaced",
        "beside a thread: replaced", "beside a thread, several numbers: left alone",
    ]

    /// For an option, and because a rule says so.
    @Test(
        "happens as a whole or not at all, whichever system call fails",
        arguments: [nil, "v1;tcp_connect_*_*_x:1"])
    func faults(policy: String?) throws {
        let outcome = try preloaded(
            [Fixtures.program("replace_faults")], environment: ["MPTCPIZE_POLICY": policy],
            timeout: .seconds(600))
        #expect(outcome.output.split(separator: "\n") == Self.outcomes[...].map { $0[...] })
    }

    @Test(
        "breaks no rule of C while it is undone", .requires(.flavour(.addressSanitizer)),
        arguments: Sanitizer.allCases)
    func sanitized(sanitizer: Sanitizer) throws {
        let command = try sanitizer.command("replace_faults")
        for scenario in ["bound, numbers and sets", "beside a thread"] {
            let outcome = try run(command + [scenario], timeout: .seconds(600))
            #expect(outcome.output == "\(scenario): replaced\n", "\(outcome)")
        }
    }

    @Test(
        "races with no other thread", .requires(.flavour(.threadSanitizer)),
        .requires(.fixedAddresses))
    func threadSanitizer() throws {
        let outcome = try run(
            Sanitizer.threaded("replacement") + ["thread", "at-once"], timeout: .seconds(300))
        #expect(outcome.output == "lost 0\n" && outcome.errors.isEmpty, "\(outcome)")
    }

    private func compare(_ arguments: [String], _ flavour: Fixtures.Flavour = .glibc) throws {
        let command = [try Fixtures.program("replacement", flavour)] + arguments
        let library = Products.library(flavour == .i386 ? .i386 : .native)
        let plain = try run(command, timeout: .seconds(300))
        let upgraded = try preloaded(command, library: library, timeout: .seconds(300))
        #expect(plain.succeeded && !plain.output.isEmpty, "\(plain)")
        #expect(upgraded.output == plain.output && upgraded.end == plain.end, "\(upgraded)")
    }
}
