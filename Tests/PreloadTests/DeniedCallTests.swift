import Foundation
import SocketEvents
import TestSupport
import Testing

/// What a security module denies MPTCP and allows TCP. A library that is loaded after ours stands in
/// for it.
@Suite("Calls that are denied to MPTCP", .requires(.mptcp), .requires(.command("python3")))
struct DeniedCallTests {
    /// What Tests/Fixtures/denied_calls.py says, in one line.
    private func said(
        _ words: [String] = [], denied: String = "", deniedToTCP: String = "",
        _ more: [String: String?] = [:], before: [String] = []
    ) throws -> String {
        let stand = try Fixtures.library("denying_preload", flags: ["-ldl"])
        let outcome = try preloaded(
            before + ["python3", Repository.path("Tests/Fixtures/denied_calls.py")] + words,
            library: "\(Products.library()):\(stand)",
            environment: ["DENIED": denied, "DENIED_TCP": deniedToTCP].merging(more) { _, new in new
            })
        try #require(outcome.succeeded, "\(outcome)")
        return outcome.output.split(separator: "\n").joined(separator: ", ")
    }

    @Test(
        "have the socket be TCP, and end as over TCP",
        arguments: [
            ("bind", 6, 262), ("listen", 6, 262), ("connect", 262, 6),
            ("bind listen", 6, 262), ("bind listen connect", 6, 6),
        ],
        [[], ["nonblocking"], ["watched"], ["nonblocking", "watched"]])
    func fallBack(calls: (denied: String, server: Int, client: Int), words: [String]) throws {
        let connect = words.contains("nonblocking") ? "EINPROGRESS" : "0"
        let peer = calls.server == 6 || calls.client == 6 ? 6 : 262
        #expect(
            try said(words, denied: calls.denied) == """
                bind 0, listen 0, connect \(connect), talk \(peer), \
                server \(calls.server) client \(calls.client), keepalive 1
                """)
    }

    @Test(
        "a send that connects is a connect", arguments: ["sendto", "sendmsg"],
        [([], "0"), (["nonblocking"], "EINPROGRESS"), (["watched"], "0")])
    func fastOpen(call: String, way: (words: [String], connect: String)) throws {
        #expect(
            try said([call] + way.words, denied: "connect") == """
                bind 0, listen 0, connect \(way.connect), talk 6, server 262 client 6, keepalive 1
                """)
        #expect(
            try said([call, "refused"], denied: "connect")
                == "bind 0, connect ECONNREFUSED, server 262 client 6, keepalive 1")
        #expect(
            try said([call, "refused"], denied: "connect", deniedToTCP: "connect")
                == "bind 0, connect EPERM, server 262 client 262, keepalive 1")
    }

    @Test("a connect that nobody answers fails as over TCP")
    func refused() throws {
        #expect(
            try said(["refused"], denied: "connect")
                == "bind 0, connect ECONNREFUSED, server 262 client 6, keepalive 1")
        #expect(
            try said(["refused", "nonblocking"], denied: "connect") == """
                bind 0, connect EINPROGRESS, error ECONNREFUSED, server 262 client 6, keepalive 1
                """)
    }

    @Test("denied to TCP too: TCP's error, and the sockets stay what they are")
    func deniedToTCP() throws {
        let all = "bind listen connect"
        #expect(
            try said(["refused"], denied: all, deniedToTCP: all)
                == "bind EPERM, connect EPERM, server 262 client 262, keepalive 1")
    }

    @Test("a port for root is denied to both", .requires(.root))
    func privilegedPort() throws {
        #expect(
            try said(
                ["port", "refused"], before: ["setpriv", "--reuid=65534", "--clear-groups"]
            ).hasPrefix("bind EACCES, "))
        #expect(
            try said(
                ["port", "refused"], denied: "bind",
                before: ["setpriv", "--reuid=65534", "--clear-groups"]
            ).hasSuffix("server 262 client 262, keepalive 1"))
    }

    @Test("what the program itself made MPTCP stays so; in strict mode everything does")
    func untouched() throws {
        let denied = """
            bind EACCES, listen EACCES, connect EACCES, server 262 client 262, keepalive 1
            """
        #expect(try said(["own"], denied: "bind listen connect") == denied)
        #expect(
            try said(denied: "bind listen connect", ["MPTCPIZE_STRICT": "1"]) == denied)
    }

    @Test(
        "Landlock's rules for TCP are TCP's answer: the error is the same, and nothing changes",
        .requires(
            Requirement("Landlock rules for TCP (Linux 6.7)") {
                let output = try? run([Fixtures.program("landlocked")]).output
                return output == "6 EACCES\n6 EACCES\n6 EACCES\n"
            }))
    func landlock() throws {
        let stand = try Fixtures.library("denying_preload", flags: ["-ldl"])
        let outcome = try preloaded(
            [Fixtures.program("landlocked")], library: "\(Products.library()):\(stand)",
            environment: ["DENIED": "connect"])
        #expect(outcome.output == "262 EACCES\n262 EACCES\n6 EACCES\n", "\(outcome)")
    }

    @Test("each is told of, with the call and the error")
    func records() throws {
        let ring = try RingFile()
        _ = try said(denied: "listen connect", ring.environment)
        let events = ring.events().filter { $0.kindName == "remedied" }
        #expect(events.map { Int32(bitPattern: $0.option_level) } == [-2, -2])
        #expect(events.map(\.option_name) == [3, 2])
        #expect(events.allSatisfy { $0.error == UInt16(EACCES) && $0.got == 6 })
        let stand = try Fixtures.library("denying_preload", flags: ["-ldl"])
        // By env(1): `run` puts its library behind all others.
        let outcome = try run([
            Products.mptcpize, "run", "--mode", "preload", "--report", "env", "DENIED=connect",
            "LD_PRELOAD=\(Products.library()):\(stand)", "python3",
            Repository.path("Tests/Fixtures/denied_calls.py"),
        ])
        #expect(outcome.errors.contains("connect denied to MPTCP: made it TCP"), "\(outcome)")
    }
}
