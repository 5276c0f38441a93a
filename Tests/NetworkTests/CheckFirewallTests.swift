import Foundation
import TestSupport
import Testing

@Suite(
    "mptcpize check: firewalls", .requires(.namespaces), .requires(.mptcp), .requires(.nftables),
    .requires(.command("iptables-nft", "iptables-legacy")))
struct CheckFirewallTests {
    private let host: Namespace

    init() throws {
        host = try Namespace("firewall")
        try load(
            "add table inet theirs; add chain inet theirs out { type filter hook output priority 0; }"
        )
    }

    private func load(_ rules: String) throws {
        try mustRun(["nft", "-f", "-"], input: rules, in: host)
    }

    private func firewall() throws -> [Row] {
        try CommandLineTool.findings(in: host).filter { $0["subject"] == "firewall" }
    }

    static let rules: [(rule: String, words: String)] = [
        ("tcp flags syn counter reset tcp option mptcp", "removes the MPTCP option"),
        ("tcp flags syn / fin,syn,rst,ack tcp option mptcp exists drop", "drops the packets"),
        ("tcp option mptcp exists reject with tcp reset", "drops the packets"),
        ("tcp option mptcp subtype 1 drop", "drops the packets"),
    ]

    @Test(
        "a rule that strips or drops MPTCP is found, and taken away by what is said",
        arguments: rules)
    func nft(rule: String, words: String) throws {
        try load("add rule inet theirs out \(rule)")
        // It is not on MPTCP.
        try load("add rule inet theirs out tcp dport 25 drop")
        let found = try firewall()
        #expect(found.count == 1 && found.problems == ["firewall"], "\(found)")
        let text = found.first?["text"] ?? ""
        #expect(text.contains("table inet theirs, chain out: a rule \(words)"), "\(text)")
        #expect(text.contains("so far)") == rule.contains("counter"), "\(text)")
        try Advice.type(found.first?["next"], in: host)
        #expect(try firewall().problems.isEmpty)
        #expect(
            try mustRun(["nft", "list", "ruleset"], in: host).contains("tcp dport 25 drop"))
    }

    @Test("what no packet comes to, what lets MPTCP pass, and mptcpize's own table are no problem")
    func harmless() throws {
        try load(
            """
            table inet theirs {
              chain unused {
                tcp option mptcp exists drop
              }
              chain out {
                tcp option mptcp exists accept
                tcp option mptcp missing drop
                tcp option sack-perm exists drop
                reset tcp option timestamp
                tcp option mptcp exists counter comment "tcp option mptcp exists drop"
              }
            }
            table inet asleep {
              flags dormant
              chain out {
                type filter hook output priority 0
                tcp option mptcp exists drop
              }
            }
            """)
        let before = try firewall()
        #expect(before.count == 1 && before[0]["level"] == "ok", "\(before)")
        try mustRun(
            [
                Products.mptcpize, "policy", "apply", "--runtime", "--policy", "none", "--rule",
                "tcp any * 9",
            ], in: host)
        let after = try firewall()
        #expect(after.problems.isEmpty)
        #expect(after.contains { $0["text"]?.contains("own (inet mptcpize)") ?? false }, "\(after)")
        // It is reached once something leads there.
        try load("add rule inet theirs out jump unused")
        #expect(try firewall().problems == ["firewall"])
    }

    @Test(
        "rules of iptables, of either kind, with whatever is in their comments",
        arguments: ["iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy"])
    func iptables(tool: String) throws {
        let comment = "a 'b' \"c\" $(false) \\ ` é"
        let rules = [
            ["mangle", "POSTROUTING", "TCPOPTSTRIP", "--strip-options", "5,30"],
            ["mangle", "POSTROUTING", "TCPOPTSTRIP", "--strip-options", "5"],
            ["filter", "INPUT", "DROP"],
        ]
        for rule in rules {
            let option = rule[2] == "DROP" ? ["--tcp-option", "30"] : []
            try mustRun(
                [tool, "-t", rule[0], "-A", rule[1], "-p", "tcp"] + option
                    + ["-m", "comment", "--comment", comment, "-j"] + rule.dropFirst(2), in: host)
        }
        let found = try firewall()
        #expect(found.problems.count == 2, "\(found)")
        for finding in found where finding["level"] == "problem" {
            #expect(finding["text"]?.hasPrefix("\(tool), table ") ?? false)
            try mustRun(["sh", "-c", try #require(finding["next"])], in: host)
        }
        #expect(try firewall().problems.isEmpty)
        let rest = try mustRun(["\(tool)-save", "-t", "mangle"], in: host)
        #expect(rest.contains("--strip-options 5\n"), "\(rest)")
    }

    @Test("what cannot be looked at says so: no nft, no rights, an nft that says nonsense")
    func notLookedAt() throws {
        func firewall(_ prefix: [String] = [], path: String? = nil) throws -> Row {
            let outcome = try run(
                prefix + [Products.mptcpize, "check", "--json"],
                environment: path.map { ["PATH": $0] } ?? [:], in: host)
            let document = try #require(
                try JSONSerialization.jsonObject(with: Data(outcome.outputBytes))
                    as? [String: Any], "\(outcome)")
            return try #require(document["findings"] as? [[String: Any]]).map(Row.init)
                .one("firewall")
        }
        let nft = try #require(Environment.find("nft"))
        let absent = try firewall(
            ["unshare", "--mount", "sh", "-c", "mount --bind /dev/null $0 && exec \"$@\"", nft])
        #expect(absent["level"] == "note")
        #expect(absent["text"] == "not looked at: nft: is not installed")
        let other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        let refused = try firewall(other)
        #expect(refused["text"]?.hasPrefix("not looked at: nft: ") ?? false, "\(refused)")
        #expect(refused["next"] == "try as root")
        let directory = try TemporaryDirectory()
        for nonsense in ["", "{", "[]", "{\"nftables\": 7}", "{\"nftables\": [{\"rule\": {}}]}"] {
            try "#!/bin/sh\necho '\(nonsense)'\n".write(
                toFile: directory.file("nft"), atomically: true, encoding: .utf8)
            try mustRun(["chmod", "755", directory.file("nft")])
            let said = try firewall(path: directory.path)
            #expect(said["level"] == (nonsense.hasSuffix("]}") ? "ok" : "note"), "\(said)")
        }
    }
}
