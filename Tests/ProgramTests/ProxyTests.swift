import TestSupport
import Testing

/// Proxies that run under mptcpize move what is larger than all buffers on the way, both ways,
/// between connections that are TCP or MPTCP on either side. Tests/Proxies has their set-ups.
@Suite(
    "Proxies move 100 MB each way", .serialized, .requires(.namespaces), .requires(.mptcp),
    .requires(.command("curl", "python3")))
struct ProxyTests {
    private static let counting = [
        "nginx", "nginx-unbuffered", "nginx-stream", "nginx-fastcgi",
    ]
    private static let others = [
        "haproxy", "haproxy-splice", "apache2", "lighttpd", "varnish", "squid", "socat", "stunnel",
        "ssh", "node",
    ]

    @Test("nginx, which counts down what FIONREAD said", arguments: counting)
    func nginx(name: String) throws {
        try expectSame(name)
    }

    @Test("and the others", arguments: others)
    func other(name: String) throws {
        try expectSame(name)
    }

    @Test("and one in Go, whose sockets are its runtime's business", .requires(.command("go")))
    func go() throws {
        let transfers = try transfers("go")
        #expect(transfers.count == 8)
        for transfer in transfers { #expect(transfer.contains(": same, "), "\(transfer)") }
    }

    @Test(
        "in the mode seccomp, too", .requires(.command("go")), arguments: ["haproxy", "go"])
    func supervised(name: String) throws {
        try expectSame(name, "--mode", "seccomp")
    }

    private func transfers(_ name: String, _ options: [String] = []) throws -> [String] {
        try mustRun(
            [
                "python3", Repository.path("Tests/Proxies/run.py"), name, "100", Products.mptcpize,
            ] + options, in: Namespace("proxy"), timeout: .seconds(300)
        ).split(separator: "\n").map(String.init)
    }

    private func expectSame(_ name: String, _ options: String...) throws {
        var expected: [String] = []
        for server in ["tcp", "mptcp"] {
            for client in ["tcp", "mptcp"] {
                let connections = [client, server].count { $0 == "mptcp" }
                for way in ["down", "up"] {
                    expected.append(
                        "client \(client), server \(server), \(way): same, \(connections) MPTCP")
                }
            }
        }
        #expect(try transfers(name, options) == expected)
    }
}
