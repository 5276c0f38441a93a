import TestSupport
import Testing

/// TCP_INFO, by which programs find out whether their peer is still there.
@Suite("TCP_INFO", .requires(.mptcp), .requires(.namespaces), .requires(.command("python3")))
struct ConnectionInformationTests {
    private func said(version: Int, environment: [String: String?] = [:]) throws -> String {
        let paths = try TwoPaths()
        // The second link leads to the server's first address too.
        try paths.client.ip(
            "-6", "route", "add", "fd77:1::/64", "via", "fd77:2::2", "dev", "eth1", "metric", "2048"
        )
        let outcome = try preloaded(
            [
                "python3", Repository.path("Tests/Fixtures/first_subflow_gone.py"),
                paths.client.name, paths.server.name, "\(version)",
            ], environment: environment)
        try #require(outcome.succeeded, "\(outcome)")
        return outcome.output
    }

    @Test(
        "tells of a connection that lives on other subflows than its first as it is",
        arguments: [4, 6])
    func firstSubflowGone(version: Int) throws {
        let eight = Array(repeating: "ESTABLISHED", count: 8).joined(separator: " ")
        #expect(
            try said(version: version) == """
                before: \(eight)
                first subflow gone: \(eight)
                client: rtt True, window True, MTU 1500, bytes True
                client has shut down: FIN_WAIT2 CLOSE_WAIT
                both have: CLOSE
                reset: CLOSE
                listener: LISTEN
                fresh: CLOSE

                """)
    }
}
