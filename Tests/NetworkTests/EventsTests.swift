import Foundation
import TestSupport
import Testing

@Suite(
    "mptcpize events", .requires(.namespaces), .requires(.mptcp),
    .requires(.command("ip", "python3"))
)
struct EventsTests {
    /// mptcpize events, once it listens: it tells of connections that are made to it over and over,
    /// on port 9.
    private func start(
        _ arguments: [String] = ["--json"], in namespace: Namespace
    ) throws -> Background {
        let events = try Background([Products.mptcpize, "events"] + arguments, in: namespace)
        let knocking = try Background(
            [
                "python3", "-c",
                """
                import socket, time
                l = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
                l.bind(("127.0.0.1", 9)); l.listen(5)
                while True:
                    c = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
                    c.connect(("127.0.0.1", 9)); a, _ = l.accept(); a.send(b"x"); c.recv(1)
                    c.close(); a.close(); time.sleep(0.05)
                """,
            ], in: namespace)
        try events.waitUntilItPrints("127.0.0.1:9")
        knocking.stop(SIGKILL)
        return events
    }

    /// The documents so far that are not about port 9.
    private func rows(_ events: Background) throws -> [Row] {
        try events.output.split(separator: "\n").map { line in
            let document = try JSONSerialization.jsonObject(with: Data(line.utf8))
            return Row(try #require(document as? [String: Any], "\(line)"))
        }.filter { row in
            ![row["local"], row["remote"]].contains { $0?.hasSuffix(":9") ?? false }
        }
    }

    private static let server = """
        import threading
        def serve(l):
            while True:
                a, _ = l.accept(); a.sendall(b"z" * 1000); kept.append(a)
        kept = []
        for l in (listening(s(), 4000), listening(t(), 4001)):
            threading.Thread(target=serve, args=(l,), daemon=True).start()
        """

    /// What `ip mptcp monitor` prints of one kind, as "TOKEN SOURCE DESTINATION".
    private func monitored(_ kind: String, _ monitor: Background) -> [String] {
        monitor.output.split(separator: "\n").filter {
            $0.contains("[\(kind)]") || $0.contains(" \(kind)]")
        }
        .filter { !$0.contains("port=9 ") }
        .map { line in
            var values: [String: Substring] = [:]
            for word in line.split(separator: " ") {
                let parts = word.split(separator: "=", maxSplits: 1)
                if parts.count == 2 { values[String(parts[0])] = parts[1] }
            }
            func address(_ side: String) -> String {
                let host =
                    values["\(side)addr4"].map(String.init)
                    ?? values["\(side)addr6"].map { "[\($0)]" } ?? ""
                return "\(host):\(values["\(side)port"] ?? "")"
            }
            return "\(values["token"] ?? "") \(address("s")) \(address("d"))"
        }
    }

    @Test("the day of a connection, line by line, as ip-mptcp(8) has it too")
    func day() throws {
        let paths = try TwoPaths(additionalSubflows: 1)
        let server = try SocketHolder.start(Self.server, in: paths.server)
        let monitor = try Background(["stdbuf", "-oL", "ip", "mptcp", "monitor"], in: paths.client)
        let events = try start(in: paths.client)
        let far = try start(in: paths.server)
        func told(_ events: Background, _ kinds: String...) throws {
            try events.require("\(kinds)") {
                (try? self.rows(events).compactMap { $0["event"] }) == kinds
            }
        }
        let mptcp = try SocketHolder.start(
            "c = connected(s(), '\(TwoPaths.serverAddresses[0])', 4000); c.recv(1000)",
            in: paths.client)
        try told(events, "made", "joined")
        try told(far, "made", "joined")
        // The path goes with its address.
        for id in ["1", "2"] {
            _ = try? paths.client.ip("mptcp", "endpoint", "delete", "id", id)
        }
        try told(events, "made", "joined", "lost")
        try told(far, "made", "joined", "lost")
        mptcp.stop()
        try told(events, "made", "joined", "lost", "closed")
        let fallback = try SocketHolder.start(
            "c = connected(s(), '\(TwoPaths.serverAddresses[0])', 4001); c.recv(1000)",
            in: paths.client)
        try told(events, "made", "joined", "lost", "closed", "fallback")
        fallback.stop()
        try told(events, "made", "joined", "lost", "closed", "fallback", "closed")

        let rows = try self.rows(events)
        #expect(rows.allSatisfy { $0.number("version") == 1 && $0["program"] == "python3" })
        #expect(
            rows.allSatisfy {
                $0["side"] == "client"
            })
        #expect(rows[0].number("pid") == Int(mptcp.pid))
        #expect(rows[4].number("pid") == Int(fallback.pid))
        #expect(rows[4]["cause"] == "answer_without_option")
        func written(_ token: Int) -> String {
            let digits = String(token, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }
        func line(_ row: Row) -> String {
            "\(written(row.number("token") ?? 0)) \(row["local"] ?? "") \(row["remote"] ?? "")"
        }
        for (kind, event) in [
            ("ESTABLISHED", "made"), ("SF_ESTABLISHED", "joined"), ("SF_CLOSED", "lost"),
        ] {
            try monitor.require("tells of \(kind)") { !monitored(kind, monitor).isEmpty }
            let theirs = monitored(kind, monitor).filter { !$0.contains("127.0.0.1") }
            #expect(theirs == rows.filter { $0["event"] == event }.map(line), "\(kind)")
        }
        let tokens = Set(rows.compactMap { $0.number("token") })
        #expect(tokens.count == 2)
        for token in tokens {
            try monitor.require("tells that it is closed") {
                monitor.output.contains("CLOSED] token=\(written(token))\n")
            }
        }
        let there = try self.rows(far)
        #expect(there[0]["side"] == "server" && there[0].number("pid") == Int(server.pid))
        #expect(there[0]["local"] == rows[0]["remote"] && there[0]["remote"] == rows[0]["local"])
        for watch in [events, far] {
            let outcome = watch.stop(SIGINT)
            #expect(outcome.succeeded && outcome.errors.isEmpty, "\(outcome)")
        }
    }

    @Test("fallbacks that have ended before they could be looked at are counted")
    func ended() throws {
        let namespace = try Namespace()
        let server = try SocketHolder.start("l = listening(t(), 4001)", in: namespace)
        let events = try start(in: namespace)
        try mustRun(
            [
                "python3", "-c",
                """
                import socket
                for _ in range(20):
                    c = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
                    c.connect(("127.0.0.1", 4001)); c.close()
                """,
            ], in: namespace)
        try events.require("all are told of") {
            let rows = (try? self.rows(events).filter { $0["event"] == "fallback" }) ?? []
            return rows.reduce(0) { $0 + ($1.number("count") ?? 1) } == 20
        }
        withExtendedLifetime(server) {}
    }

    @Test("says when events were lost, and what became of the connections meanwhile")
    func lost() throws {
        let namespace = try Namespace()
        let holder = try SocketHolder.start(
            """
            l = listening(s(), 4000); c = connected(s(), "127.0.0.1", 4000); a, _ = l.accept()
            half = connected(s(), "127.0.0.1", 4000); rest, _ = l.accept()
            import os, signal
            def storm(*_):
                for _ in range(8000):
                    x = connected(s(), "127.0.0.1", 4000); y, _ = l.accept()
                    x.send(b"x"); y.recv(1); y.send(b"x"); x.recv(1); x.close(); y.close()
                c.close(); a.close(); half.close()  # which is there as long as the other end is
                kept.append(connected(s(), "127.0.0.1", 4000)); kept.append(l.accept()[0])
                kept[0].send(b"x"); kept[1].recv(1)
                print("over", flush=True)
            kept = []
            signal.signal(signal.SIGUSR1, storm)
            """, in: namespace)
        let events = try start([], in: namespace)
        events.signal(SIGSTOP)
        holder.signal(SIGUSR1)
        try holder.waitUntilItPrints("over", timeout: .seconds(120))
        events.signal(SIGCONT)
        try events.waitUntilItPrints(" missed ")
        try events.require("what is there is told, and what has gone") {
            let after = events.output.split(separator: "\n").drop { !$0.contains(" missed ") }
            return after.count { $0.contains(" closed ") } >= 3
                && after.count { $0.contains(" made ") && $0.contains(":4000 ") } >= 2
        }
        #expect(events.stop(SIGTERM).succeeded)
    }

    @Test("ends when nobody reads any more, and says who may listen")
    func ends() throws {
        let namespace = try Namespace()
        // Its reader ends at once, and no event has to come for it to notice.
        let outcome = try run(
            ["bash", "-c", "\(Products.mptcpize) events | true; exit ${PIPESTATUS[0]}"],
            in: namespace)
        #expect(outcome.succeeded && outcome.errors.isEmpty, "\(outcome)")
        let stranger = try run(
            [
                "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", Products.mptcpize,
                "events",
            ], in: namespace)
        #expect(stranger.status == 1)
        #expect(stranger.errors.contains("events: need root"), "\(stranger)")
        #expect(stranger.errors.split(separator: "\n").count == 1)
    }
}
