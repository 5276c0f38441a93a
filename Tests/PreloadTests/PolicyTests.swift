import SocketEvents
import SocketPolicy
import TestSupport
import Testing

/// Rules in the environment, and what becomes of each kind of socket.
@Suite("A policy", .serialized, .requires(.mptcp), .requires(.command("python3")))
struct PolicyTests {
    /// What the fixture prints for sockets that are all TCP, without the library.
    private static let plain: [(scenario: String, results: String)] = [
        ("plainly", "tcp tcp"),
        ("with_options", "tcp True False, 1, 1, 77, 5"),
        ("in_one_set", "in a set True"),
        ("modified_and_removed", "tcp True, tcp True"),
        ("in_two_sets", "tcp [True, True]"),
        ("once", "tcp []"),
        ("several_numbers", "tcp tcp, tcp tcp, tcp tcp, tcp tcp, tcp tcp"),
        ("kept", "tcp 8192, tcp 1"),
        ("reused_number", "True, udp"),
        ("owned", "tcp True, tcp True"),
        ("bound", "tcp True"),
        ("of_its_own", "mptcp, mptcp"),
        ("again", "True tcp, 0 tcp"),
        ("fast_open", "1 tcp, 1 tcp"),
        ("bad_pointers", "-1 EFAULT, -1 EFAULT, -1 EINVAL"),
        ("families", "tcp tcp tcp, tcp tcp"),
        ("listeners", "tcp tcp tcp, tcp"),
        ("child", "tcp tcp"),
    ]

    private func expected(_ changes: [String: String]) -> String {
        Self.plain.map { "\($0.scenario): \(changes[$0.scenario] ?? $0.results)\n" }.joined()
    }

    private func said(
        policy: String?, _ words: [String] = [], _ more: [String: String?] = [:]
    ) throws -> String {
        let environment = ["MPTCPIZE_POLICY": policy].merging(more) { _, new in new }
        let outcome = try preloaded(
            ["python3", Repository.path("Tests/Fixtures/ruled_sockets.py")] + words,
            environment: environment)
        try #require(outcome.succeeded, "\(outcome)")
        return outcome.output
    }

    @Test("the fixture is as it says without the library")
    func alone() throws {
        let outcome = try run(["python3", Repository.path("Tests/Fixtures/ruled_sockets.py")])
        #expect(outcome.output == expected([:]))
    }

    @Test("has connections be TCP, however their sockets were used before")
    func connect() throws {
        #expect(
            try said(policy: "v1;tcp_connect_127.0.0.0/8,0:0:0:0:0:0:0:1/128_*_x:1")
                == expected([
                    // A registration that has fired cannot be made again.
                    "once": "mptcp []",
                    "of_its_own": "mptcp, tcp",
                    "families": "mptcp tcp tcp, tcp tcp",
                    "listeners": "mptcp tcp tcp, mptcp",
                    // Its parent has the old one.
                    "child": "tcp mptcp",
                ]))
    }

    @Test("has everything be TCP from socket() on, where nothing can be MPTCP")
    func all() throws {
        #expect(try said(policy: "v1;tcp_any_*_*_x:1") == expected(["of_its_own": "tcp, tcp"]))
        #expect(
            try said(policy: "v1;tcp_any_*_*_x:1_python3*") == expected(["of_its_own": "tcp, tcp"]))
    }

    @Test("has a listener be TCP, and what it accepts")
    func listen() throws {
        let output = try said(policy: "v1;tcp_listen_127.0.0.0/8_*_x:1")
        #expect(output.contains("plainly: mptcp tcp\n"))
        #expect(output.contains("listeners: mptcp mptcp mptcp, mptcp\n"))
    }

    /// socket() makes TCP then, and whatever needs MPTCP after all gets it.
    @Test("that made TCP of all connections so far holds none of the next ones back from MPTCP")
    func expecting() throws {
        let others = try said(policy: "v1;tcp_connect_127.0.0.9/32_*_x:1", ["expecting"])
        // Its parent has the old one.
        let unruled = try said(policy: nil).replacing(
            "child: mptcp mptcp", with: "child: mptcp tcp")
        #expect(others == unruled + "made: tcp tcp\n")
        // So long as something is recorded, all is as it is.
        let ring = try RingFile()
        #expect(
            try said(policy: "v1;tcp_connect_127.0.0.9/32_*_x:1", ["expecting"], ring.environment)
                .hasSuffix("made: mptcp mptcp\n"))
    }

    @Test("that made TCP of all connections so far makes it of the next ones too")
    func expected() throws {
        #expect(
            try said(policy: "v1;tcp_connect_127.0.0.0/8_*_x:1", ["expecting"])
                == expected([
                    "once": "mptcp []", "of_its_own": "mptcp, tcp",
                    "families": "mptcp mptcp mptcp, tcp tcp",
                    "listeners": "mptcp tcp tcp, mptcp",
                ]) + "made: tcp tcp\n")
    }

    @Test("is right for each connection of many threads")
    func threads() throws {
        let outcome = try preloaded(
            ["python3", Repository.path("Tests/Fixtures/ruled_threads.py")],
            environment: ["MPTCPIZE_POLICY": "v1;tcp_connect_127.0.0.9/32_*_x:1"])
        #expect(outcome.output == "True []\n", "\(outcome)")
    }

    @Test(
        "that is for others, for nothing here, or no policy, changes nothing",
        arguments: [
            "v1;tcp_any_*_*_x:1_perl", "v1;mptcp_any_*_*_x:1;tcp_any_*_*_x:2", "", "v1",
            "v0;tcp_any_*_*_x:1", "v1;tcp_any_*_*", "v1;tcp_any_127.0.0.1/33_*_x:1", "nonsense",
        ])
    func nothing(policy: String) throws {
        let output = try said(policy: policy)
        #expect(output == (try said(policy: nil)))
        #expect(output.contains("plainly: mptcp mptcp\n"))
    }

    @Test("tells the ring which rule decided, and what came of it")
    func recorded() throws {
        let ring = try RingFile()
        let policy = "v1;mptcp_connect_10.0.0.0/8_*_x:1;tcp_connect_127.0.0.0/8_*_x:2"
        _ = try said(policy: policy, [], ring.environment)
        let ruled = ring.events().filter { $0.kind == UInt8(MPTCPIZE_RULED.rawValue) }
        #expect(ruled.count > 10)
        #expect(ruled.allSatisfy { $0.rule == 2 && $0.inode != 0 })
        #expect(Set(ruled.map(\.policy)) == [mptcpize_policy_sum(policy)])
        #expect(Set(ruled.map(\.got)) == [6, 262])
    }

    @Test("tells the ring why everything is TCP")
    func recordedForAll() throws {
        let ring = try RingFile()
        _ = try said(policy: "v1;tcp_any_*_*_x:7", [], ring.environment)
        let created = ring.events().filter { $0.kind == UInt8(MPTCPIZE_CREATED.rawValue) }
        #expect(created.allSatisfy { $0.rule == 1 && $0.error == 125 && $0.got == 6 })
    }
}
