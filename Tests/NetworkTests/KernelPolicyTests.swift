import Foundation
import TestSupport
import Testing

/// Rules in the kernel: `mptcpize policy apply`, and what becomes of real connections.
@Suite(
    "Policies in the kernel", .serialized, .requires(.mptcp), .requires(.namespaces),
    .requires(.nftables))
struct KernelPolicyTests {
    private let host: Namespace

    /// A namespace in which every address is its own.
    init() throws {
        host = try Namespace("policy")
        try host.ip("route", "add", "local", "0.0.0.0/0", "dev", "lo")
        try host.ip("-6", "route", "add", "local", "::/0", "dev", "lo")
    }

    private func policy(_ words: String...) throws -> Outcome {
        try run([Products.mptcpize, "policy"] + words, in: host)
    }

    private func apply(_ rules: [String], _ more: String...) throws -> Outcome {
        try run(
            [Products.mptcpize, "policy", "apply", "--runtime", "--policy", "none"]
                + rules.flatMap { ["--rule", $0] } + more, in: host)
    }

    /// What becomes of connections: "connect ADDRESS PORT", "listen ADDRESS PORT" each.
    private func ask(_ questions: [String], prefix: [String] = []) throws -> [String] {
        try mustRun(
            prefix + ["python3", Repository.path("Tests/Fixtures/kernel_policy.py")],
            input: questions.map { $0 + "\n" }.joined(), in: host
        ).split(separator: "\n").map(String.init)
    }

    @Test(
        "every row of the table that is not about programs",
        arguments: PolicyCase.all.filter { row in
            !row.rules.contains { $0.contains(" program ") }
        })
    func table(row: PolicyCase) throws {
        for direction in ["connect", "listen"] {
            #expect(try apply(row.rules).succeeded)
            // A connection has a listener, too, for which there are rules of their own.
            let other = direction == "connect" ? "listen" : "connect"
            try mustRun(["nft", "flush", "chain", "inet", "mptcpize", "\(other)_rules"], in: host)
            // No packet has port 0, and nothing connects to an address of broadcasts.
            let asked = row.questions.filter {
                $0.0.direction == direction && $0.0.port != 0 && $0.0.address != "127.255.255.255"
            }
            let questions = asked.map { "\(direction) \($0.0.address) \($0.0.port)" }
            let answers = try ask(questions)
            #expect(answers.count == questions.count)
            for ((question, expected), answer) in zip(asked, answers) {
                #expect(answer == (expected.isTCP ? "tcp" : "mptcp"), "\(question)")
            }
        }
        #expect(try host.counters()["Blackhole"] == 0)
    }

    @Test("is counted by rule, and taken away without a trace; others' tables stay")
    func counted() throws {
        try mustRun(["nft", "add", "table", "inet", "theirs"], in: host)
        let before = try mustRun(["nft", "list", "ruleset"], in: host)
        let rules = ["mptcp connect * 443", "tcp connect 192.0.2.0/24 *"]
        #expect(try apply(rules).output.contains("2 rules in the table inet mptcpize"))
        // Once more in its place.
        #expect(try apply(rules).succeeded)
        let answers = try ask([
            "connect 192.0.2.1 443", "connect 192.0.2.1 80", "connect 192.0.2.2 80",
            "connect 198.51.100.1 80",
        ])
        #expect(answers == ["mptcp", "tcp", "tcp", "mptcp"])
        let listed = try policy("--policy", "none", "--rule", rules[0], "--rule", rules[1]).output
        let rows = listed.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(rows.map { $0.prefix(3).last } == ["RULE", "1", "2"], "\(listed)")
        // A flush of another table leaves it.
        try mustRun(["nft", "flush", "table", "inet", "theirs"], in: host)
        #expect(try ask(["connect 192.0.2.1 80"]) == ["tcp"])
        #expect(try policy("remove").output == "the table inet mptcpize removed\n")
        #expect(try mustRun(["nft", "list", "ruleset"], in: host) == before)
        #expect(try policy("remove").output == "no rules were applied\n")
        #expect(try ask(["connect 192.0.2.1 80"]) == ["mptcp"])
    }

    @Test("what cannot be loaded leaves what there was; without nft, its package is named")
    func refused() throws {
        #expect(try apply(["tcp any * *"]).succeeded)
        let before = try mustRun(["nft", "list", "ruleset"], in: host)
        let outcome = try apply(["tcp any nowhere *"])
        #expect(outcome.end == .exited(1) && outcome.errors.contains("--rule:1:9"))
        let nft = try #require(Environment.find("nft"))
        let empty = try run(
            [
                "unshare", "--mount", "sh", "-c", "mount --bind /dev/null $0 && exec \"$@\"", nft,
                Products.mptcpize, "policy", "apply", "--runtime", "--policy", "none",
            ], in: host)
        #expect(
            empty.errors == "mptcpize: nft: is not installed; install the package nftables\n")
        #expect(try mustRun(["nft", "list", "ruleset"], in: host) == before)
    }

    /// A container runtime gives its hooks no PATH, su(1) one without nft's folder.
    @Test(
        "nft is found where the administrator's programs are, and never in the working folder",
        arguments: [nil, "", "/nonexistent", "/usr/bin:/bin", ".:", ":bin"])
    func path(_ path: String?) throws {
        let folder = try TemporaryDirectory()
        for name in ["nft", "bin/nft"] {
            try FileManager.default.createDirectory(
                atPath: folder.file("bin"), withIntermediateDirectories: true)
            _ = try folder.write(
                "#!/bin/sh\n: >\(folder.path)/planted\n", to: name, mode: 0o755)
        }
        let outcome = try run(
            [
                Products.mptcpize, "policy", "apply", "--runtime", "--policy", "none", "--rule",
                "tcp any loopback 1",
            ], environment: ["PATH": path], directory: folder.path, in: host)
        #expect(outcome.succeeded, "\(outcome)")
        #expect(try mustRun(["nft", "list", "tables"], in: host).contains("mptcpize"))
        #expect(access("\(folder.path)/planted", F_OK) != 0)
    }

    @Test("rules for programs are named and left out")
    func programs() throws {
        let outcome = try apply(["tcp any * * program curl", "tcp any * 9", "tcp listen * 0"])
        #expect(outcome.output.hasPrefix("1 rule in"))
        #expect(outcome.errors.contains("--rule 1: left out: packets do not show the program"))
        #expect(outcome.errors.contains("--rule 3: left out: no packet has port 0"))
    }

    @Test("other rules in the kernel than in the files are told of, also where those have none")
    func differing() throws {
        let said = "the kernel has other rules than these"
        #expect(try apply(["tcp any * 9"]).succeeded)
        let same = try policy("--policy", "none", "--rule", "tcp any * 9")
        #expect(same.errors.isEmpty && same.output.contains("MET"), "\(same)")
        let other = try policy("--policy", "none", "--rule", "tcp any * 8")
        #expect(other.errors.contains(said) && other.output.contains(" - "), "\(other)")
        #expect(try policy("--policy", "none").errors.contains(said))
    }

    /// What is asked to connect has a listener on all addresses, which rules for one do not meet.
    @Test("rules for both directions meet on loopback, where a connection has both ends")
    func bothEnds() throws {
        #expect(try apply(["mptcp connect * *", "tcp listen 127.0.0.1 *"]).succeeded)
        #expect(
            try ask(["connect 127.0.0.1 80", "listen 127.0.0.1 80", "connect 192.0.2.1 80"])
                == ["mptcp", "tcp", "mptcp"])
    }

    @Test("where the kernel refuses new rules, the old ones stay")
    func refusedByKernel() throws {
        #expect(try apply(["tcp any * 9"]).succeeded)
        let before = try mustRun(["nft", "list", "ruleset"], in: host)
        // An nft that spoils what it loads, and has the kernel see the rest.
        let directory = try TemporaryDirectory()
        let real = try mustRun(["sh", "-c", "command -v nft"])
            .trimmingCharacters(in: .whitespacesAndNewlines)
        try """
        #!/bin/sh
        [ "$1" = -f ] || exec \(real) "$@"
        { cat; echo 'add rule inet nowhere chain accept'; } | \(real) "$@"
        """.write(toFile: directory.file("nft"), atomically: true, encoding: .utf8)
        chmod(directory.file("nft"), 0o755)
        let outcome = try run(
            [
                Products.mptcpize, "policy", "apply", "--runtime", "--policy", "none", "--rule",
                "tcp any * 10",
            ], environment: ["PATH": "\(directory.path):/usr/sbin:/usr/bin:/bin"], in: host)
        #expect(outcome.end == .exited(1), "\(outcome)")
        #expect(outcome.errors.contains("nothing was changed"), "\(outcome)")
        #expect(try mustRun(["nft", "list", "ruleset"], in: host) == before)
    }

    @Test("export prints what apply loads")
    func export() throws {
        let text = try policy("export", "--policy", "none", "--rule", "tcp any loopback *").output
        try mustRun(["nft", "-f", "-"], input: text, in: host)
        #expect(try ask(["connect 127.0.0.1 80", "connect 192.0.2.1 80"]) == ["tcp", "mptcp"])
    }

    @Test("of one cgroup, the others stay as they are", .requires(.cgroups))
    func cgroup() throws {
        let mount = try mustRun(["findmnt", "-n", "-f", "-o", "TARGET", "-t", "cgroup2"])
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let path = "\(mount)/mptcpize-\(getpid())-policy"
        #expect(mkdir(path, 0o755) == 0)
        defer { rmdir(path) }
        let outcome = try apply(["tcp connect * *"], "--cgroup", path)
        #expect(outcome.succeeded, "\(outcome)")
        let inside = ["sh", "-c", "echo $$ >\"$0/cgroup.procs\" && exec \"$@\"", path]
        #expect(try ask(["connect 192.0.2.1 80"], prefix: inside) == ["tcp"])
        #expect(try ask(["connect 192.0.2.1 80"]) == ["mptcp"])
        #expect(try policy("remove", "--cgroup", path).output.contains("removed"))
        #expect(try ask(["connect 192.0.2.1 80"], prefix: inside) == ["mptcp"])
        // The table of one that is gone goes with the next change.
        #expect(try apply(["tcp connect * *"], "--cgroup", path).succeeded)
        #expect(rmdir(path) == 0)
        #expect(try apply(["tcp any * 9"]).succeeded)
        let tables = try mustRun(["nft", "list", "tables"], in: host)
        #expect(tables == "table inet mptcpize\n")
        let both = try policy("remove", "--all", "--cgroup", "/sys/fs/cgroup")
        #expect(both.end == .exited(64), "\(both)")
    }

    @Test("second subflows of connections that are allowed are not touched")
    func joins() throws {
        let lab = try TwoPaths()
        // The first address is allowed; the second, by which subflows join, would not be.
        let rules = [
            "--rule", "mptcp any \(TwoPaths.serverAddresses[0]) *", "--rule", "tcp any * *",
        ]
        for side in [lab.client, lab.server] {
            try mustRun(
                [Products.mptcpize, "policy", "apply", "--runtime", "--policy", "none"] + rules,
                in: side)
        }
        let server = try SocketHolder.start(
            "l = s(); l.bind(('\(TwoPaths.serverAddresses[0])', 8080)); l.listen()", in: lab.server)
        defer { _ = server.stop() }
        let client = try SocketHolder.start(
            "c = s(); c.connect(('\(TwoPaths.serverAddresses[0])', 8080)); c.send(b'x')",
            in: lab.client)
        defer { _ = client.stop() }
        let joined = poll(within: .seconds(20)) {
            (try? lab.client.counters()["MPJoinSynAckRx"] ?? 0) ?? 0 > 0
        }
        #expect(joined)
        #expect(try lab.client.counters()["Blackhole"] == 0)
    }
}
