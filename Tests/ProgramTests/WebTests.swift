import TestSupport
import Testing

@Suite("Web servers and clients", .serialized, .requires(.namespaces), .requires(.mptcp))
struct WebTests {
    @Test("nginx and curl, many connections", .requires(.command("nginx", "curl")))
    func nginxAndCurl() throws {
        try expectSameOverMPTCP(
            Conversation(
                files: ["nginx.conf": Self.nginx, "page": lines(100_000), "small": "small\n"],
                server: ["nginx", "-e", "stderr", "-c", "%DIR%/nginx.conf"], port: 8080,
                client: [
                    "curl", "--no-progress-meter", "--fail", "--parallel", "--write-out",
                    "%{http_code} %{size_download} %{num_connects}\n",
                    "--header", "Connection: close", "--output", "page-#1", "--create-dirs",
                    "http://%SERVER%:8080/{page,small}?[1-4]",
                ],
                produces: ["page-page", "page-small"],
                // Downloads in parallel end in any order.
                normalise: { $0.split(separator: "\n").sorted().joined(separator: "\n") }))
    }

    @Test("nginx and wget, over IPv6", .requires(.command("nginx", "wget")))
    func nginxAndWget() throws {
        try expectSameOverMPTCP(
            Conversation(
                files: ["nginx.conf": Self.nginx, "page": lines(100_000)],
                server: ["nginx", "-e", "stderr", "-c", "%DIR%/nginx.conf"], port: 8080,
                client: [
                    "wget", "--no-verbose", "--no-proxy", "--output-document", "copy",
                    "http://[%SERVER6%]:8080/page",
                ],
                produces: ["copy"], normalise: withoutTimes))
    }

    /// As in Debian's nginx.conf: a master as root and workers as www-data.
    private static let nginx = """
        daemon off;
        user www-data;
        worker_processes 2;
        pid %DIR%/nginx.pid;
        error_log stderr;
        events { worker_connections 256; }
        http {
            access_log off;
            sendfile on;
            client_body_temp_path %DIR%/body;
            proxy_temp_path %DIR%/proxy;
            fastcgi_temp_path %DIR%/fastcgi;
            uwsgi_temp_path %DIR%/uwsgi;
            scgi_temp_path %DIR%/scgi;
            server {
                listen 8080;
                listen [::]:8080;
                root %DIR%;
            }
        }
        """

    @Test("apache2 and curl", .requires(.command("apache2", "curl")))
    func apache() throws {
        try expectSameOverMPTCP(
            Conversation(
                files: [
                    "apache2.conf": """
                    ServerRoot %DIR%
                    ServerName server.example
                    DefaultRuntimeDir %DIR%
                    PidFile %DIR%/apache2.pid
                    ErrorLog /dev/stderr
                    LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
                    LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
                    User www-data
                    Group www-data
                    Listen 8080
                    DocumentRoot %DIR%
                    """,
                    "page": lines(100_000),
                ],
                server: ["apache2", "-f", "%DIR%/apache2.conf", "-DFOREGROUND"], port: 8080,
                client: [
                    "curl", "--silent", "--show-error", "--output", "copy",
                    "--write-out", "%{http_code} %{size_download}\n", "http://%SERVER%:8080/page",
                ],
                produces: ["copy"]))
    }

    @Test("lighttpd and wget", .requires(.command("lighttpd", "wget")))
    func lighttpd() throws {
        try expectSameOverMPTCP(
            Conversation(
                files: [
                    "lighttpd.conf": """
                    server.document-root = "%DIR%"
                    server.port = 8080
                    server.username = "www-data"
                    server.groupname = "www-data"
                    """,
                    "page": lines(100_000),
                ],
                server: ["lighttpd", "-D", "-f", "%DIR%/lighttpd.conf"], port: 8080,
                client: [
                    "wget", "--no-verbose", "--no-proxy", "--output-document", "copy",
                    "http://%SERVER%:8080/page",
                ],
                produces: ["copy"], normalise: withoutTimes))
    }

    @Test("haproxy, to itself as its own backend, and curl", .requires(.command("haproxy", "curl")))
    func haproxy() throws {
        try expectSameOverMPTCP(
            Conversation(
                files: [
                    "haproxy.cfg": """
                    global
                        user nobody
                        nbthread 2
                    defaults
                        mode http
                        timeout connect 10s
                        timeout client 10s
                        timeout server 10s
                        option httpclose
                    listen proxy
                        bind :8080
                        server backend 127.0.0.1:8081
                    frontend backend
                        bind 127.0.0.1:8081
                        http-request return status 200 content-type text/plain file %DIR%/page

                    """,
                    // What fits into one of haproxy's buffers.
                    "page": lines(500),
                ],
                server: ["haproxy", "-db", "-f", "%DIR%/haproxy.cfg"], port: 8080,
                client: [
                    "curl", "--silent", "--show-error", "--fail", "http://%SERVER%:8080/[1-5]",
                ]))
    }

    @Test("python3's http.server and urllib", .requires(.command("python3")))
    func python() throws {
        try expectSameOverMPTCP(
            Conversation(
                files: [
                    "client.py": """
                    import sys, urllib.request
                    for path in "page", "page":
                        with urllib.request.urlopen(f"http://{sys.argv[1]}:8080/{path}") as page:
                            sys.stdout.buffer.write(page.read())
                    """,
                    "page": lines(50_000),
                ],
                server: ["python3", "-m", "http.server", "--bind", "%SERVER%", "8080"], port: 8080,
                client: ["python3", "client.py", "%SERVER%"]))
    }
}

/// wget begins its lines with the time, and says how fast it was.
private func withoutTimes(_ errors: String) -> String {
    errors.split(separator: "\n")
        .map { $0.replacing(/^[-0-9]+ [:0-9]+\s/, with: "") }.joined(separator: "\n")
}
