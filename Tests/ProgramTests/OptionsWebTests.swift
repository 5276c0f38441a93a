import Foundation
import TestSupport
import Testing

@Suite("Web servers with options", .serialized, .requires(.namespaces), .requires(.mptcp))
struct OptionsWebTests {
    /// What Debian's nginx.conf says, with all socket options that `listen` has.
    private static let nginx = """
        daemon off;
        user www-data;
        worker_processes 2;
        pid %DIR%/nginx.pid;
        error_log stderr;
        events { worker_connections 256; }
        http {
            sendfile on;
            tcp_nopush on;
            types_hash_max_size 2048;
            access_log off;
            client_body_temp_path %DIR%/body;
            proxy_temp_path %DIR%/proxy;
            fastcgi_temp_path %DIR%/fastcgi;
            uwsgi_temp_path %DIR%/uwsgi;
            scgi_temp_path %DIR%/scgi;
            server {
                listen 8080 LISTEN;
                root %DIR%;
            }
        }
        """

    /// Requests that a client makes one after another on each of four connections.
    private static let requests = 400

    /// Without a remedy each answer waits 200 ms for the kernel's timer, whatever the machine:
    /// half of that is more than all of them may take longer than over TCP.
    @Test(
        "nginx with tcp_nopush answers without stalls", .requires(.command("nginx", "ab")),
        arguments: [["-k"], []])
    func nginxWithoutStalls(keepAlive: [String]) throws {
        let ab =
            ["ab", "-q", "-n", "\(Self.requests)", "-c", "4"] + keepAlive
            + ["http://%SERVER%:8080/small"]
        let (plain, mended) = try expectOptionsMended(
            Conversation(
                files: [
                    "nginx.conf": Self.nginx.replacing(" LISTEN", with: ""), "small": lines(100),
                ],
                server: ["nginx", "-e", "stderr", "-c", "%DIR%/nginx.conf"], port: 8080,
                client: [
                    "sh", "-c",
                    """
                    \(ab.joined(separator: " ")) >ab && \
                    sed -n 's/^Time taken for tests: *\\(.*\\) seconds/\\1/p' ab >&2 && \
                    grep -E '^(Complete|Failed|Non-2xx|Keep-Alive|HTML)' ab
                    """,
                ],
                // Of standard error, the time, only that there is one.
                normalise: { $0.replacing(/^[0-9.]+\n$/, with: "seconds\n") }),
            OptionsExpectation(server: ["TCP_CORK adjust"]))
        #expect(plain.result.output.contains("Complete requests:      \(Self.requests)"))
        #expect(plain.result.output.contains("Failed requests:        0"))
        let times = try [plain, mended].map { try #require(Double($0.clientErrors.dropLast())) }
        let stalls = 0.2 * Double(Self.requests / 4)
        #expect(times[1] < times[0] + stalls / 2, "\(times[0]) s became \(times[1]) s")
    }

    @Test("nginx with every option of listen", .requires(.command("nginx", "curl")))
    func nginxListenOptions() throws {
        let options = "deferred fastopen=16 so_keepalive=30s:5:3 backlog=100 rcvbuf=8k sndbuf=16k"
        try expectOptionsMended(
            Conversation(
                files: [
                    "nginx.conf": Self.nginx.replacing("LISTEN", with: options),
                    "page": lines(100_000), "body": lines(20_000),
                ],
                server: ["nginx", "-e", "stderr", "-c", "%DIR%/nginx.conf"], port: 8080,
                client: [
                    "curl", "-sS", "--tcp-nodelay", "--tcp-fastopen", "--keepalive-time", "5",
                    "--data-binary", "@body", "--request", "GET", "http://%SERVER%:8080/page",
                ]),
            OptionsExpectation(server: ["SO_RCVBUF adjust", "TCP_CORK adjust"]))
    }

    /// tcp-ut asks for TCP_USER_TIMEOUT: a socket that connects is demoted for it, a listener not.
    @Test(
        "haproxy with every option of bind and server", .requires(.command("haproxy", "curl")),
        arguments: ["", "tcp-ut 5s"])
    func haproxy(timeout: String) throws {
        try expectOptionsMended(
            Conversation(
                files: [
                    "haproxy.cfg": """
                    global
                        user nobody
                        tune.rcvbuf.client 16384
                        tune.sndbuf.client 16384
                        tune.rcvbuf.server 16384
                        tune.sndbuf.server 16384
                    defaults
                        mode http
                        timeout connect 10s
                        timeout client 10s
                        timeout server 10s
                        option clitcpka
                        option srvtcpka
                        clitcpka-idle 5s
                        srvtcpka-cnt 3
                        option tcp-smart-accept
                        option tcp-smart-connect
                        option splice-auto
                        option httpclose
                        option http-no-delay
                        retry-on conn-failure empty-response response-timeout
                    listen proxy
                        bind :8080 tfo defer-accept mss 1200 \(timeout)
                        http-request set-tos 0x10
                        server backend 127.0.0.1:8081 tfo \(timeout) source 127.0.0.1
                    frontend backend
                        bind 127.0.0.1:8081 defer-accept \(timeout)
                        http-request return status 200 content-type text/plain file %DIR%/page

                    """,
                    "page": lines(500),
                ],
                server: ["haproxy", "-db", "-f", "%DIR%/haproxy.cfg"], port: 8080,
                client: ["curl", "-sS", "--fail", "http://%SERVER%:8080/[1-5]"]),
            OptionsExpectation(
                server: timeout.isEmpty
                    ? ["TCP_QUICKACK ignore"]
                    : ["TCP_USER_TIMEOUT demote", "TCP_USER_TIMEOUT ignore"]))
    }
}
