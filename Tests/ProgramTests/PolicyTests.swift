import Foundation
import TestSupport
import Testing

/// Real programs by rules: some of their connections stay TCP, the others are MPTCP.
@Suite("Programs by a policy", .serialized, .requires(.namespaces), .requires(.mptcp))
struct PolicyTests {
    private let stage: Stage
    private let directory: TemporaryDirectory

    init() throws {
        stage = try Stage(mptcp: true)
        directory = try TemporaryDirectory()
        chmod(directory.path, 0o755)
    }

    /// The sockets of a program that runs by rules in the client's namespace.
    private func sockets(
        _ rules: [String], _ command: [String], in namespace: Namespace? = nil
    ) throws -> [Report.Socket] {
        let file = "\(directory.path)/report.json"
        let options = rules.flatMap { ["--rule", $0] }
        let outcome = try run(
            [Products.mptcpize, "run", "--policy", "none", "--json", "-o", file] + options
                + ["--"] + command,
            directory: directory.path, in: namespace ?? stage.client)
        #expect(outcome.succeeded, "\(outcome)")
        return try Report(file: file).sockets
    }

    /// An MPTCP web server of nginx's in a namespace, on these addresses.
    private func nginx(
        _ listen: [String], _ options: [String] = [], in namespace: Namespace
    ) throws -> Background {
        let name = UUID().uuidString
        let configuration = """
            daemon off; pid \(directory.path)/\(name).pid; error_log stderr; user root;
            events { worker_connections 64; }
            http { access_log off; server { \(listen.map { "listen \($0);" }.joined(separator: " "))
            return 200 "hello"; } }
            """
        let file = "\(directory.path)/\(name).conf"
        try configuration.write(toFile: file, atomically: true, encoding: .utf8)
        let server = try Background(
            [Products.mptcpize, "run", "--policy", "none"] + options
                + ["nginx", "-e", "stderr", "-c", file], in: namespace)
        let port = listen[0].split(separator: ":").last!
        try waitForListener(port: port, in: namespace)
        return server
    }

    private func waitForListener(port: Substring, in namespace: Namespace) throws {
        let found = poll(within: .seconds(20)) {
            (try? run(["ss", "-HltnM", "sport = :\(port)"], in: namespace).output.isEmpty) == false
                || (try? run(["ss", "-Hltn", "sport = :\(port)"], in: namespace).output.isEmpty)
                    == false
        }
        #expect(found)
    }

    @Test(
        "curl is TCP over loopback and MPTCP to another host, in children and scripts too",
        .requires(.command("nginx", "curl")))
    func loopback() throws {
        let here = try nginx(["127.0.0.1:8080", "[::1]:8080"], in: stage.client)
        let there = try nginx(["\(Stage.serverAddress):8080"], in: stage.server)
        defer { for server in [here, there] { _ = server.stop() } }
        let script = "\(directory.path)/script"
        try """
        #!/bin/sh
        set -e
        for host in 127.0.0.1 '[::1]' 0.0.0.0 '[::ffff:127.0.0.1]' \(Stage.serverAddress); do
            (curl --fail --silent --show-error --output /dev/null "http://$host:8080/")
        done
        exec curl --fail --silent --show-error --output /dev/null http://localhost:8080/
        """.write(toFile: script, atomically: true, encoding: .utf8)
        chmod(script, 0o755)
        let sockets = try self.sockets(["tcp any loopback *"], [script]).filter {
            $0.role == "connect"
        }
        let over = Dictionary(grouping: sockets) { $0.isPeer(Stage.serverAddress) }
        #expect(over[true]?.map(\.wire) == ["mptcp"])
        #expect((over[false] ?? []).count { $0.wire == "tcp" } >= 5)
        for socket in over[false] ?? [] where socket.wire != "unconnected" {
            #expect(socket.socket == "tcp" && socket.wire == "tcp", "\(socket)")
            #expect(socket.policy?.file == "--rule" && socket.policy?.line == 1)
        }
    }

    @Test(
        "redis over loopback stays TCP, at both ends",
        .requires(.command("redis-server", "redis-cli")))
    func redis() throws {
        let server = try Background(
            [
                Products.mptcpize, "run", "--policy", "none", "--rule", "tcp any loopback *",
                "redis-server", "--bind", "127.0.0.1", "--port", "6379", "--save", "",
                "--dir", directory.path,
            ], in: stage.client)
        defer { _ = server.stop() }
        try waitForListener(port: "6379", in: stage.client)
        let sockets = try self.sockets(
            ["tcp connect loopback *"], ["redis-cli", "-h", "127.0.0.1", "SET", "a", "b"])
        #expect(sockets.map(\.wire) == ["tcp"])
        #expect(sockets[0].policy?.line == 1)
        // Its listener took no MPTCP: a client without rules falls back.
        let other = try self.sockets([], ["redis-cli", "-h", "127.0.0.1", "GET", "a"])
        #expect(other.map(\.wire) == ["fallback"])
    }

    @Test(
        "a database is TCP to its own host and MPTCP to another",
        .requires(.command("psql", "setpriv")), .requires(.postgres))
    func postgres() throws {
        let programs = Requirement.postgresPrograms ?? "/usr/bin"
        let user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        let data = "\(directory.path)/data"
        for command in [
            ["install", "-d", "-o", "postgres", "-g", "postgres", "-m", "700", data],
            user + ["\(programs)/initdb", "-D", data, "--auth=trust", "--no-sync", "--no-locale"],
            ["sh", "-c", "echo 'host all all 10.88.0.0/24 trust' >>\(data)/pg_hba.conf"],
        ] {
            try #require(try run(command, directory: directory.path).succeeded)
        }
        let server = try Background(
            user + [
                Products.mptcpize, "run", "--policy", "none", "--rule", "tcp any loopback *",
                "\(programs)/postgres", "-D", data, "-h", "127.0.0.1,\(Stage.clientAddress)",
                "-k", "", "-c", "fsync=off",
            ], in: stage.client)
        defer { _ = server.stop() }
        try waitForListener(port: "5432", in: stage.client)
        func psql(_ host: String, in namespace: Namespace) throws -> [Report.Socket] {
            let words = ["psql", "-X", "-h", host, "-U", "postgres", "-c", "SELECT 1", "postgres"]
            // It sends clients away until it is up.
            let up = poll(within: .seconds(20)) {
                (try? run(words, in: namespace).succeeded) == true
            }
            try #require(up)
            return try sockets(["tcp any loopback *"], words, in: namespace).filter {
                $0.role == "connect" && $0.wire != "unconnected"
            }
        }
        let own = try psql("127.0.0.1", in: stage.client)
        #expect(own.map(\.wire) == ["tcp"] && own[0].policy?.line == 1, "\(own)")
        let other = try psql(Stage.clientAddress, in: stage.server)
        #expect(other.map(\.wire) == ["mptcp"] && other[0].policy == nil, "\(other)")
    }

    @Test("ssh is MPTCP to port 22 only", .requires(.command("sshd", "ssh")), .requires(.root))
    func ssh() throws {
        func prepared(_ text: String) -> String {
            text.replacing("%DIR%", with: directory.path)
                .replacing("[%SERVER%]:2222", with: "*")
        }
        let configuration = prepared(SSH.conversation.files["sshd_config"]!) + "Port 22\n"
        let file = "\(directory.path)/sshd_config"
        try configuration.write(toFile: file, atomically: true, encoding: .utf8)
        for command in SSH.conversation.preparation {
            try #require(try run(command.map(prepared), directory: directory.path).succeeded)
        }
        let server = try Background(
            SSH.conversation.serverPrefix
                + [Products.mptcpize, "run", "--policy", "none"]
                + SSH.conversation.server.map(prepared), in: stage.server)
        defer { _ = server.stop() }
        for port in ["22", "2222"] { try waitForListener(port: Substring(port), in: stage.server) }
        for (port, wire) in [("22", "mptcp"), ("2222", "tcp")] {
            let made = try sockets(
                ["mptcp connect * ssh", "tcp connect * *"],
                ["ssh"] + SSH.options.map(prepared) + ["-p", port, Stage.serverAddress, "true"])
            #expect(made.filter { $0.role == "connect" }.map(\.wire) == [wire], "\(made)")
        }
    }

    /// curl tries IPv6 first, gets no answer, and goes on by IPv4 beside it.
    @Test(
        "each of the attempts of happy eyeballs by its own address",
        .requires(.command("nginx", "curl")),
        arguments: [(inet: "mptcp", inet6: "tcp"), (inet: "tcp", inet6: "mptcp")])
    func happyEyeballs(wire: (inet: String, inet6: String)) throws {
        let server = try nginx(["\(Stage.serverAddress):8080"], in: stage.server)
        defer { _ = server.stop() }
        try #require(
            try run(
                [
                    "ip", "-6", "neighbour", "replace", "fd88::9", "lladdr", "02:00:00:00:00:09",
                    "dev", "eth1",
                ], in: stage.client
            ).succeeded)
        let made = try sockets(
            ["\(wire.inet) connect 10.0.0.0/8 *", "\(wire.inet6) connect fd88::/16 *"],
            [
                "curl", "--fail", "--silent", "--output", "/dev/null", "--resolve",
                "two.example:8080:[fd88::9],\(Stage.serverAddress)", "http://two.example:8080/",
            ])
        let over = Dictionary(grouping: made) { $0.isPeer(Stage.serverAddress) }
        #expect(over[true]?.map(\.wire) == [wire.inet], "\(made)")
        #expect(over[false]?.map(\.socket) == [wire.inet6], "\(made)")
        #expect(made.map { $0.policy != nil }.filter { $0 }.count == 1)
    }

    @Test(
        "nginx listens with MPTCP on one port, with TCP on the other",
        .requires(.command("nginx", "curl")))
    func twoPorts() throws {
        let server = try nginx(
            ["\(Stage.serverAddress):8081", "\(Stage.serverAddress):8082"],
            ["--rule", "tcp listen * 8082"], in: stage.server)
        defer { _ = server.stop() }
        for (port, wire) in [(8081, "mptcp"), (8082, "fallback")] {
            let sockets = try self.sockets(
                [], ["curl", "--fail", "--silent", "http://\(Stage.serverAddress):\(port)/"])
            #expect(sockets.filter { $0.role == "connect" }.map(\.wire) == [wire])
        }
    }

    @Test(
        "only the program that a rule is for, and from the beginning where it is for all",
        .requires(.command("nginx", "curl", "wget")))
    func programs() throws {
        let server = try nginx(["\(Stage.serverAddress):8080"], in: stage.server)
        defer { _ = server.stop() }
        let url = "http://\(Stage.serverAddress):8080/"
        let both =
            "curl --silent --output /dev/null \(url) && wget -q --no-proxy -O /dev/null \(url)"
        let sockets = try self.sockets(["tcp any * * program wge?"], ["sh", "-c", both])
        #expect(sockets.first { $0.program == "curl" }?.wire == "mptcp")
        #expect(sockets.first { $0.program == "wget" }?.wire == "tcp")
        let kept = try self.sockets(["tcp any * *"], ["curl", "--silent", url])
        #expect(kept.map(\.wire) == ["tcp"])
    }

    @Test("a run within a run: no rule of the outer one is blamed for what the inner one's says")
    func nested() throws {
        let connect =
            "import socket; s = socket.create_server(('127.0.0.1', 0)); "
            + "socket.create_connection(s.getsockname()).close()"
        let inner = [
            Products.mptcpize, "run", "--policy", "none", "--rule", "tcp connect loopback *",
            "python3", "-c", connect,
        ]
        for outer in [["tcp connect 10.9.9.9 1"], []] {
            let made = try sockets(outer, inner).filter { $0.role == "connect" }
            #expect(made.map(\.wire) == ["tcp"], "\(made)")
            #expect(made[0].policy != nil && made[0].policy?.file == nil)
        }
    }
}
