import Foundation
import TestSupport
import Testing

extension Requirement {
    static let prometheusServer = Requirement("prometheus and prometheus-node-exporter") {
        ["prometheus", "prometheus-node-exporter", "promtool"].allSatisfy {
            Environment.find($0) != nil
        }
    }
}

/// The units that metrics come by, as they are installed, and what a real Prometheus makes of it.
@Suite("Metrics", .requires(.systemdMachines), .requires(.prometheusServer))
struct MetricsTests {
    private static let directory = "/srv/metrics"

    private func machine() throws -> ServiceMachine {
        let machine = try ServiceMachine()
        let folder = Repository.path("packaging/systemd")
        var units: [String: String] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let text = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            units[name] = text.replacing("@PREFIX@", with: "/usr/local")
        }
        try machine.add(units)
        return machine
    }

    /// What an instant query of Prometheus answers, each vector's labels and value; none before it
    /// answers at all.
    private func query(_ text: String, on machine: ServiceMachine) throws -> [[String: String]] {
        let outcome = try machine.machine.run([
            "curl", "-sf", "--data-urlencode", "query=\(text)",
            "http://127.0.0.1:9090/api/v1/query",
        ])
        guard outcome.succeeded,
            let document = try JSONSerialization.jsonObject(with: Data(outcome.outputBytes))
                as? [String: Any], let data = document["data"] as? [String: Any],
            let result = data["result"] as? [[String: Any]]
        else { return [] }
        return result.map { entry in
            var labels = entry["metric"] as? [String: String] ?? [:]
            labels["value"] = (entry["value"] as? [Any])?.last as? String
            return labels
        }
    }

    private func firing(on machine: ServiceMachine) throws -> Set<String> {
        Set(
            try query("ALERTS{alertstate=\"firing\"}", on: machine).compactMap { $0["alertname"] })
    }

    private func require(_ what: String, _ condition: () throws -> Bool) throws {
        let held = try poll(within: .seconds(90)) {
            usleep(200_000)
            return try condition()
        }
        try #require(held, "\(what)")
    }

    /// Prometheus and node_exporter, whose clock runs 180 times as fast: what rules call 15 minutes
    /// is 5 seconds.
    private func startPrometheus(on machine: ServiceMachine) throws {
        var rules = try String(contentsOfFile: Repository.path("docs/alerts.yml"), encoding: .utf8)
        for (slow, fast) in [
            ("[15m]", "[5s]"), ("[1d]", "[480s]"), ("for: 5m", "for: 2s"),
        ] { rules = rules.replacing(slow, with: fast) }
        try machine.write(rules, to: "/srv/prometheus/alerts.yml")
        try machine.write(
            """
            global: {scrape_interval: 1s, evaluation_interval: 1s}
            rule_files: [/srv/prometheus/alerts.yml]
            scrape_configs:
              - job_name: socket
                static_configs: [{targets: ['127.0.0.1:10262']}]
              - job_name: file
                static_configs: [{targets: ['127.0.0.1:9100']}]
            """, to: "/srv/prometheus/prometheus.yml")
        try machine.must(
            """
            systemctl start mptcpize-metrics.socket
            mkdir -p \(Self.directory)
            echo MPTCPIZE_METRICS_DIRECTORY=\(Self.directory) >/etc/default/mptcpize-metrics
            mkdir -p /etc/systemd/system/mptcpize-metrics.timer.d
            printf '[Timer]\\nOnUnitActiveSec=1s\\nAccuracySec=1ms\\n' \
                >/etc/systemd/system/mptcpize-metrics.timer.d/often.conf
            systemctl daemon-reload
            systemctl start mptcpize-metrics.timer
            systemd-run --quiet --unit trial-exporter prometheus-node-exporter \
                --collector.disable-defaults --collector.textfile \
                --collector.textfile.directory=\(Self.directory) --web.listen-address=127.0.0.1:9100
            systemd-run --quiet --unit trial-prometheus prometheus \
                --config.file=/srv/prometheus/prometheus.yml --storage.tsdb.path=/srv/prometheus/data \
                --web.listen-address=127.0.0.1:9090
            """)
    }

    /// Two services, and connections of every kind.
    private static let service = """
        [Service]
        ExecStart=python3 -u -c "\
        import socket; l = socket.create_server(('127.0.0.1', %i)); \
        [(lambda c: (c.sendall(b'hello'), c.close()))(l.accept()[0]) for _ in iter(int, 1)]"

        """

    /// Connects again and again over MPTCP to a port, and keeps one connection.
    private func connect(to port: Int, on machine: ServiceMachine) throws {
        try machine.must(
            """
            systemd-run --quiet --unit clients-\(port) python3 -c "
            import socket, time
            def connected():
                client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
                client.connect(('127.0.0.1', \(port)))
                client.recv(5)
                return client
            kept = connected()
            while True:
                connected().close()
                time.sleep(0.05)"
            """)
    }

    @Test("a real Prometheus has it by socket and by file, and its alerts fire for what goes wrong")
    func alerts() throws {
        let machine = try machine()
        try machine.add(["answer@.service": Self.service])
        try machine.must("systemctl start answer@8081 answer@8082 answer@8083")
        #expect(try machine.mptcpize("enable", "--now", "answer@8081.service").succeeded)
        try startPrometheus(on: machine)
        try machine.must(
            "systemd-run --quiet --unit events -p StandardOutput=file:/srv/events "
                + "/usr/local/bin/mptcpize events --json")
        try connect(to: 8081, on: machine)
        try require("both jobs have the connection") {
            let found = try query(
                "mptcpize_connections{program=\"python3\",unit=\"clients-8081.service\","
                    + "wire=\"mptcp\"} >= 1", on: machine)
            return Set(found.compactMap { $0["job"] }) == ["socket", "file"]
        }
        try require("events name both sides' units") {
            let events = try machine.must("cat /srv/events")
            return events.contains("\"side\": \"client\"")
                && ["clients-8081.service", "answer@8081.service"].allSatisfy {
                    events.contains("\"unit\": \"\($0)\"")
                }
        }
        // Long enough for all that the rules look back on.
        try require("the fallback share is known, and is 0") {
            let share = try query("mptcpize:fallback_share:15m", on: machine)
            return share.count == 2 && share.allSatisfy { $0["value"] == "0" }
        }
        #expect(
            try query("mptcpize_unit_reached", on: machine).filter { $0["job"] == "socket" }
                .map { [$0["unit"], $0["value"]] } == [["answer@8081.service", "1"]])
        #expect(try firing(on: machine) == [])

        // Enabled and not restarted: what runs is older than its drop-in.
        #expect(try machine.mptcpize("enable", "answer@8082.service").succeeded)
        try require("the unit is told") { try firing(on: machine) == ["MPTCPUnitNotReached"] }
        // A server that speaks TCP only.
        try connect(to: 8083, on: machine)
        try require("the fallbacks are told") {
            try firing(on: machine).contains("MPTCPFallbackShareRises")
        }
        try machine.must("systemctl stop clients-8081 clients-8083")
        let hole = Repository.path("Tests/Fixtures/mptcp_blackhole.py")
        try machine.write(
            try String(contentsOfFile: hole, encoding: .utf8), to: "/srv/blackhole.py")
        try machine.must(
            """
            mkdir -p /dev/net; mknod /dev/net/tun c 10 200
            systemd-run --quiet --unit hole python3 -u /srv/blackhole.py
            until ip address show dev hole 2>/dev/null | grep -q 'state UNKNOWN'; do sleep 0.1; done
            python3 -c "
            import socket
            socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).connect(('10.8.0.2', 80))"
            """)
        try require("the blackhole is told") { try firing(on: machine).contains("MPTCPBlackhole") }

        // Mended, they are silent again.
        try machine.must(
            """
            sysctl -q -w net.mptcp.blackhole_timeout=3600
            systemctl restart answer@8082
            """)
        try require("all is well again") { try firing(on: machine).isEmpty }

        // Nobody's journal is filled by it, and nothing of it failed.
        let journal = try machine.must(
            "journalctl -b -q --no-pager -u 'mptcpize-metrics@*' -u mptcpize-metrics.service")
        #expect(journal.split(separator: "\n").count < 5, "\(journal.suffix(1000))")
        #expect(
            try query("sum(up{job=\"socket\"} == 0)", on: machine).isEmpty
                && query("mptcpize_collector_success == 0", on: machine).isEmpty)
    }
}
