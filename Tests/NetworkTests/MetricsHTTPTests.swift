import Foundation
import TestSupport
import Testing

@Suite("mptcpize metrics --http", .requires(.prometheus), .requires(.command("python3", "curl")))
struct MetricsHTTPTests {
    /// What it answers on a connection over which a client has sent some bytes.
    private func exchange(_ request: String) throws -> String {
        try run([Products.mptcpize, "metrics", "--http"], input: request).output
    }

    private func statusLine(_ request: String) throws -> String {
        String(try exchange(request).prefix { !$0.isNewline })
    }

    @Test("each client gets the format that it asks for, as its parser wants it")
    func formats() throws {
        func body(_ accept: String) throws -> (type: String, body: String) {
            let answer = try exchange(
                "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: \(accept)\r\n\r\n")
            let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1)
            try #require(parts.count == 2, "\(answer)")
            let type = parts[0].split(separator: "\r\n").first { $0.hasPrefix("Content-Type: ") }
            let length = parts[0].split(separator: "\r\n").first {
                $0.hasPrefix("Content-Length: ")
            }
            #expect(length?.dropFirst("Content-Length: ".count) == "\(parts[1].utf8.count)")
            return (String(type ?? ""), String(parts[1]))
        }
        // What Prometheus 2.42 sends.
        let modern = try body(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                + "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
        #expect(modern.type.contains("application/openmetrics-text; version=1.0.0"))
        let metrics = try Metrics(parsing: modern.body)
        #expect(metrics.types["mptcpize_fallbacks"] == "counter")
        let plain = try body("text/plain")
        #expect(plain.type.contains("text/plain; version=0.0.4"))
        let older = try Metrics(parsing: plain.body, as: "text")
        #expect(older.sum("mptcpize_build_info") == 1)
        let lint = try run(["promtool", "check", "metrics"], input: plain.body)
        #expect(lint.succeeded && lint.errors.isEmpty, "\(lint)")
        #expect(plain.body.contains("# TYPE mptcpize_fallbacks_total counter\n"))
    }

    @Test("HEAD has the answer's head only")
    func head() throws {
        let answer = try exchange("HEAD /metrics HTTP/1.0\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n"))
        #expect(!answer.contains("# HELP"))
    }

    @Test(
        "what is no request for metrics is told so",
        arguments: [
            ("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 405),
            ("OPTIONS /metrics HTTP/1.0\r\n\r\n", 405),
            ("GET / HTTP/1.0\r\n\r\n", 404),
            ("GET /metrics2 HTTP/1.0\r\n\r\n", 404),
            ("GET /metrics?x=1 HTTP/1.0\r\n\r\n", 200),
            ("GET http://localhost/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
            ("GET /metrics HTTP/1.0\n\n", 200),
            ("\r\nGET /metrics HTTP/1.0\r\n\r\n", 200),
            ("GET /metrics HTTP/1.1\r\n\r\n", 400),
            ("GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            ("GET /metrics HTTP/1.1\r\nHost : a\r\n\r\n", 400),
            ("GET /metrics\r\n\r\n", 400), ("GET  /metrics HTTP/1.0\r\n\r\n", 400),
            ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\r\n\r\n", 400), ("GET /metrics HTTP/1.0\r\n", 400),
            ("GET /metrics HTTP/2.0\r\n\r\n", 505), ("", 400),
            ("GET /" + String(repeating: "a", count: 20_000), 431),
        ])
    func refused(_ request: String, _ status: Int) throws {
        #expect(try statusLine(request).hasPrefix("HTTP/1.1 \(status) "), "\(request.prefix(80))")
    }

    @Test("clients that are slow, silent or gone cost no more than seconds")
    func hostile() throws {
        // Each has a connection of its own: socketpair(2), whose other end does what is written.
        let script = """
            import socket, subprocess, sys
            def against(request):
                near, far = socket.socketpair()
                near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
                server = subprocess.Popen([sys.argv[1], "metrics", "--http"], stdin=near, stdout=near)
                near.close()
                far.sendall(request)
                return far, server
            whole = b"GET /metrics HTTP/1.0\\r\\n\\r\\n"
            slow, unread, gone = against(b"GET /metrics HT"), against(whole), against(whole)
            gone[0].close()
            for far, server in (slow, unread, gone):
                assert server.wait(timeout=30) == 0, server.args
            assert slow[0].recv(100).startswith(b"HTTP/1.1 408 "), "slow"
            print("done")
            """
        let outcome = try run(["python3", "-c", script, Products.mptcpize])
        #expect(outcome.succeeded && outcome.output == "done\n", "\(outcome)")
    }
}
