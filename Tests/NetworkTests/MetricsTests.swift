import Foundation
import TestSupport
import Testing

@Suite(
    "mptcpize metrics", .requires(.namespaces), .requires(.mptcp), .requires(.prometheus),
    .requires(.command("ss", "python3")))
struct MetricsTests {
    @Test("connections by program and wire, paths, bytes and listeners are what there is")
    func connections() throws {
        let paths = try TwoPaths(additionalSubflows: 1)
        let server = try SocketHolder.start(
            """
            l = listening(s(), 4000); p = listening(t(), 4001); kept = []
            import threading
            def serve(listener):
                while True:
                    a, _ = listener.accept(); a.sendall(b"z" * 2000); kept.append(a)
            for listener in (l, p): threading.Thread(target=serve, args=(listener,)).start()
            """, in: paths.server)
        let client = try SocketHolder.start(
            """
            address = "\(TwoPaths.serverAddresses[0])"
            kept = [connected(s(), address, 4000) for _ in range(3)]
            kept += [connected(s(), address, 4001) for _ in range(2)]
            kept.append(connected(t(), address, 4000))
            for c in kept:
                c.sendall(b"y" * 3000)
                n = 0
                while n < 2000: n += len(c.recv(65536))
            """, in: paths.client)
        try client.require("two paths for each") {
            let rows = try? CommandLineTool.sockets(in: paths.client)
            return rows?.count { $0.number("paths") == 2 } == 3
        }
        let before = try paths.client.counters()
        let metrics = try Metrics(in: paths.client)
        let after = try paths.client.counters()
        let own = ["program": "python3"]
        func number(_ name: String, _ more: [String: String] = [:]) -> Double? {
            metrics.sum(name, own.merging(more) { $1 })
        }
        #expect(number("mptcpize_connections", ["wire": "mptcp"]) == 3)
        #expect(number("mptcpize_connections", ["wire": "fallback"]) == 2)
        #expect(number("mptcpize_connections", ["wire": "tcp"]) == 1)
        #expect(number("mptcpize_multipath_connections") == 3)
        #expect(number("mptcpize_subflows") == 6)
        for (wire, count) in [("mptcp", 3), ("fallback", 2), ("tcp", 1)] {
            #expect(
                number("mptcpize_connection_sent_bytes", ["wire": wire]) == Double(3000 * count))
            #expect(
                number("mptcpize_connection_received_bytes", ["wire": wire])
                    == Double(2000 * count))
            #expect(number("mptcpize_connection_retransmitted_segments", ["wire": wire]) != nil)
        }
        #expect(!before.isEmpty)
        for (name, value) in before where name != "MPCurrEstab" {
            // Subflows that the limits forbid may still be refused meanwhile.
            let told = metrics.sum("mptcpize_mptcpext_total", ["counter": name]) ?? -1
            #expect((Double(value)...Double(after[name] ?? 0)).contains(told), "\(name)")
        }
        #expect(metrics.sum("mptcpize_established_connections") == 5, "those that fell back too")
        #expect(metrics.sum("mptcpize_fallbacks_total", ["cause": "answer_without_option"]) == 2)
        #expect(metrics.sum("mptcpize_fallbacks_total") == 2)
        #expect(metrics.sum("mptcpize_endpoints") == 2)
        #expect(metrics.sum("mptcpize_endpoints_by_flag", ["flag": "subflow"]) == 2)
        #expect(metrics.sum("mptcpize_limit_subflows") == 1)
        let far = try Metrics(in: paths.server)
        #expect(far.sum("mptcpize_listeners", ["program": "python3", "protocol": "mptcp"]) == 1)
        #expect(far.sum("mptcpize_listeners", ["program": "python3", "protocol": "tcp"]) == 1)
        #expect(far.sum("mptcpize_connections", ["wire": "tcp"]) == 3)
        withExtendedLifetime(server) {}
    }

    @Test("nothing there: all the same metrics, no addresses, ports or PIDs")
    func nothing() throws {
        let namespace = try Namespace()
        let metrics = try Metrics(in: namespace)
        #expect(metrics.sum("mptcpize_connections") == 0)
        #expect(metrics.sum("mptcpize_blackhole_active") == 0)
        #expect(metrics.sum("mptcpize_mptcp_enabled") == 1)
        #expect(metrics.sum("mptcpize_build_info") == 1)
        #expect(
            metrics.sum("mptcpize_check_result", ["subject": "kernel", "result": "ok"]) == 1)
        let time = try #require(metrics.sum("mptcpize_collected_timestamp_seconds"))
        #expect(abs(time - Date().timeIntervalSince1970) < 60)
        let labels = Set(metrics.samples.flatMap(\.labels.keys))
        #expect(
            labels.isSubset(of: [
                "version", "unit", "program", "wire", "protocol", "cause", "counter", "flag",
                "mode", "cgroup", "reason", "rule", "subject", "result", "collector",
            ]))
        // Nothing of it asked for MPTCP: not even what check tries is.
        #expect(try namespace.counters()["MPCapableSYNTX"] == 0)
        try namespace.setMPTCP(enabled: false)
        let off = try Metrics(in: namespace)
        #expect(off.sum("mptcpize_mptcp_enabled") == 0)
        #expect(
            off.sum("mptcpize_check_result", ["subject": "kernel", "result": "problem"]) == 1)
    }

    @Test("a blackhole is told while it lasts, and by no SYN")
    func blackhole() throws {
        let namespace = try Namespace()
        let hole = try Background(
            ["python3", Repository.path("Tests/Fixtures/mptcp_blackhole.py")], in: namespace)
        try hole.waitUntilItPrints("ready")
        let client = try SocketHolder.start("c = connected(s(), '10.8.0.2', 80)", in: namespace)
        let metrics = try Metrics(in: namespace)
        #expect(metrics.sum("mptcpize_blackhole_active") == 1)
        #expect(metrics.sum("mptcpize_fallbacks_total", ["cause": "syn_dropped"]) == 1)
        #expect(
            metrics.sum("mptcpize_check_result", ["subject": "blackhole", "result": "problem"])
                == 1)
        // Any write to it forgets what was detected.
        try namespace.sysctl("net/mptcp/blackhole_timeout", "3600")
        let later = try Metrics(in: namespace)
        #expect(later.sum("mptcpize_blackhole_active") == 0)
        #expect(
            later.sum("mptcpize_check_result", ["subject": "blackhole", "result": "note"]) == 1)
        withExtendedLifetime((hole, client)) {}
    }

    @Test("1000 programs: a hundred by name, the others in one")
    func bounded() throws {
        let namespace = try Namespace()
        let listener = try SocketHolder.start("l = listening(s(), 4000)", in: namespace)
        let programs = try Background(
            [try Fixtures.program("many_programs"), "4000", "1000"], in: namespace)
        try programs.waitUntilItPrints("ready", timeout: .seconds(120))
        let metrics = try Metrics(in: namespace)
        // Those that nobody has accepted yet have no program.
        let names = metrics.values(of: "program", "mptcpize_connections")
        #expect(names.count <= 101)
        #expect(names.contains("other"))
        #expect(metrics.sum("mptcpize_connections", ["wire": "mptcp"]) == 2000)
        #expect(metrics.samples.count < 3000)
        withExtendedLifetime((listener, programs)) {}
    }

    @Test("programs may call themselves anything")
    func hostileNames() throws {
        let namespace = try Namespace()
        let names = [#"a"} 1"#, #"b\"#, "c\\n\\nd 1", "é\u{202E}", "\u{1B}[31m", " ", "other"]
        let holders = try names.map { name in
            try SocketHolder.start(
                """
                open("/proc/self/comm", "wb").write(bytes.fromhex("\(name.utf8.map { String(format: "%02x", $0) }.joined())"))
                l = listening(s(), 0)
                """, in: namespace)
        }
        let invalid = try SocketHolder.start(
            """
            open("/proc/self/comm", "wb").write(b"\\xff\\xfe\\r\\n# EOF")
            l = listening(s(), 0)
            """, in: namespace)
        let metrics = try Metrics(in: namespace)
        #expect(metrics.sum("mptcpize_listeners") == Double(names.count + 1))
        let found = metrics.values(of: "program", "mptcpize_listeners")
        #expect(found.contains(#"a"} 1"#))
        #expect(found.contains(#"b\"#))
        #expect(
            !found.contains {
                $0.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E }
            })
        withExtendedLifetime((holders, invalid)) {}
    }

    @Test(
        "rules that the kernel holds: how often each was met, also where none was",
        .requires(.nftables))
    func policyHits() throws {
        let namespace = try Namespace()
        #expect(try Metrics(in: namespace).sum("mptcpize_policy_hits_total") == nil)
        let folder = try TemporaryDirectory()
        let rules = folder.file("rules.conf")
        try "tcp connect * 4000\ntcp connect * 4001\n".write(
            toFile: rules, atomically: false, encoding: .utf8)
        try mustRun(
            [Products.mptcpize, "policy", "apply", "--runtime", "--policy", rules], in: namespace)
        let holder = try SocketHolder.start(
            """
            l = listening(s(), 4000)
            kept = [connected(s(), "127.0.0.1", 4000) for _ in range(3)]
            """, in: namespace)
        let metrics = try Metrics(in: namespace)
        #expect(metrics.values(of: "rule", "mptcpize_policy_hits_total").count == 2)
        let hits = metrics.samples.filter { $0.name == "mptcpize_policy_hits_total" }
        #expect(
            hits.map { [$0.labels["rule"]?.split(separator: "/").last, "\(Int($0.value))"] }
                == [["rules.conf:1", "3"], ["rules.conf:2", "0"]])
        withExtendedLifetime(holder) {}
    }

    @Test("takes no lock that bpf verbs wait for")
    func noLock() throws {
        // flock holds the lock while mptcpize runs.
        let outcome = try run([
            "unshare", "--mount", "sh", "-c",
            """
            mount -t tmpfs tmpfs /run && mkdir -m 711 /run/mptcpize &&
            flock --no-fork /run/mptcpize/bpf.lock \(Products.mptcpize) metrics
            """,
        ])
        #expect(outcome.succeeded, "\(outcome)")
        #expect(outcome.output.hasSuffix("# EOF\n"))
    }
}
