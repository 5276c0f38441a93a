import Foundation
import TestSupport
import Testing

/// Rules for what stays TCP, from the files and options to the program's environment.
@Suite("Policies on the command line")
struct PolicyCommandTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func file(_ name: String, _ text: String) throws -> String {
        let path = "\(directory.path)/\(name)"
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        chmod(path, 0o644)
        return path
    }

    /// `mptcpize` of these words.
    private func mptcpize(
        _ words: String..., environment: [String: String?] = [:]
    ) throws -> Outcome {
        try run([Products.mptcpize] + words, environment: environment)
    }

    /// The variables of a program that `mptcpize run` starts with these options.
    private func variables(
        _ options: String..., environment: [String: String?] = [:]
    ) throws -> [String] {
        let outcome = try run(
            [Products.mptcpize, "run"] + options + ["env"], environment: environment)
        #expect(outcome.succeeded && outcome.errors.isEmpty, "\(outcome)")
        return outcome.output.split(separator: "\n").map(String.init)
            .filter { $0.hasPrefix("MPTCPIZE_POLICY=") || $0.hasPrefix("GODEBUG=") }.sorted()
    }

    @Test("rules reach the program, those of options before those of a file")
    func order() throws {
        let file = try file("a.conf", "# why\ntcp any 192.0.2.1 *\n")
        let found = try variables(
            "--policy", file, "--rule", "tcp listen * 179", "--rule", "mptcp connect * 1")
        #expect(
            found == [
                "GODEBUG=multipathtcp=1",
                "MPTCPIZE_POLICY=v1;tcp_listen_*_179_--rule:1;mptcp_connect_*_1_--rule:2;"
                    + "tcp_any_192.0.2.1/32_*_\(file):2",
            ])
    }

    @Test("without a rule that says TCP there is no variable, an inherited one neither")
    func none() throws {
        #expect(try variables("--policy", "none") == ["GODEBUG=multipathtcp=1"])
        let inherited = ["MPTCPIZE_POLICY": "v1;tcp_any_*_*_x:1"]
        #expect(
            try variables("--policy", "none", environment: inherited) == ["GODEBUG=multipathtcp=1"])
        #expect(
            try variables("--policy", "none", "--rule", "mptcp any * *")
                == ["GODEBUG=multipathtcp=1"])
    }

    @Test("a run in a run puts its rules together anew")
    func nested() throws {
        let inner = ["run", "--policy", "none", "--rule", "tcp any * 2", "env"]
        let outcome = try run(
            [Products.mptcpize, "run", "--rule", "tcp any * 1", Products.mptcpize] + inner)
        #expect(outcome.output.contains("\nMPTCPIZE_POLICY=v1;tcp_any_*_2_--rule:1\n"))
    }

    @Test("--keep-tcp is a rule before all others, and takes Go's own MPTCP away")
    func keepTCP() throws {
        let rule = "MPTCPIZE_POLICY=v1;tcp_any_*_*_--keep-tcp:1"
        #expect(
            try variables("--policy", "none", "--keep-tcp") == ["GODEBUG=multipathtcp=0", rule])
        let found = try variables(
            "--policy", "none", "--keep-tcp", environment: ["GODEBUG": "multipathtcp=1,x=2"])
        #expect(found == ["GODEBUG=multipathtcp=1,x=2,multipathtcp=0", rule])
    }

    @Test("no program is started with a broken policy", arguments: [["--policy"], ["--rule"]])
    func broken(option: [String]) throws {
        let line = "tcp any db.example.com *"
        let isFile = option == ["--policy"]
        let value = isFile ? try file("b.conf", "\n" + line) : line
        let place = isFile ? "\(value):2:9" : "--rule:1:9"
        let mark = "\(directory.path)/started"
        let outcome = try run([Products.mptcpize, "run"] + option + [value, "touch", mark])
        #expect(outcome.end == .exited(125))
        #expect(outcome.errors.hasPrefix("mptcpize: \(place): 'db.example.com': is a host name"))
        #expect(outcome.errors.split(separator: "\n").count == 1 && outcome.output.isEmpty)
        #expect(access(mark, F_OK) != 0)
        #expect(try run([Products.mptcpize, "policy"] + option + [value]).end == .exited(1))
    }

    @Test(
        "what is no rule, or no file, is refused",
        arguments: [
            (["--rule", ""], "is not one rule"), (["--rule", "# x"], "is not one rule"),
            (["--rule", "tcp any * *\ntcp any * *"], "is not one rule"),
            (["--policy", "/nonexistent"], "no such file"), (["--policy", "/"], "/: "),
            (["--policy", "/dev/null"], "is not trusted"),
        ])
    func refused(options: [String], says: String) throws {
        let outcome = try run([Products.mptcpize, "run"] + options + ["true"])
        #expect(outcome.end == .exited(125) && outcome.errors.contains(says), "\(outcome)")
    }

    @Test("root goes by no file that others can write", .requires(.root))
    func untrusted() throws {
        let path = try file("c.conf", "tcp any * *")
        chmod(path, 0o666)
        let outcome = try mptcpize("run", "--policy", path, "true")
        #expect(outcome.end == .exited(125))
        #expect(outcome.errors.contains("\(path): is not trusted: it can be written by everybody"))
    }

    @Test(
        "the system's files are read in their order, a user's own before them", .requires(.mounts))
    func places() throws {
        let script = """
            set -e
            mkdir -m 755 "$1/etc" && cp -a /etc/. "$1/etc" && mount --bind "$1/etc" /etc
            mkdir -p /etc/mptcpize/policy.d
            cd /etc/mptcpize
            echo 'tcp any * 1' >policy.conf
            echo 'tcp any * 3' >policy.d/20-b.conf
            echo 'tcp any * 2' >policy.d/10-a.conf
            echo 'nonsense' >policy.d/30-c.conf.bak
            echo 'nonsense' >policy.d/.40-d.conf
            "$2" policy
            echo 'tcp any * 0' >"$1/own.conf"
            mkdir -p "$1/config/mptcpize" && mv "$1/own.conf" "$1/config/mptcpize/policy.conf"
            chmod 755 "$1"
            XDG_CONFIG_HOME="$1/config" setpriv --reuid=65534 --clear-groups "$2" policy
            XDG_CONFIG_HOME="$1/config" "$2" policy --policy none
            echo 'nonsense' >policy.d/10-a.conf
            "$2" run true || echo "$?"
            rm -r policy.conf policy.d
            "$2" run env | grep POLICY || echo none
            """
        let outcome = try run(
            [
                "unshare", "--mount", "sh", "-c", script, "sh", directory.path, Products.mptcpize,
            ])
        #expect(
            outcome.output
                == """
                FROM                    RULE
                policy.conf:1           tcp any * 1
                policy.d/10-a.conf:1    tcp any * 2
                policy.d/20-b.conf:1    tcp any * 3
                FROM                                 RULE
                \(directory.path)/config/mptcpize/policy.conf:1 tcp any * 0
                policy.conf:1                        tcp any * 1
                policy.d/10-a.conf:1                 tcp any * 2
                policy.d/20-b.conf:1                 tcp any * 3
                no rules; write them into /etc/mptcpize/policy.conf
                125
                none

                """.aligned(outcome.output), "\(outcome)")
        #expect(outcome.errors.contains("/etc/mptcpize/policy.d/10-a.conf:1:1: 'nonsense'"))
    }

    @Test("policy prints the rules with where they are from, also as JSON")
    func list() throws {
        let file = try file("d.conf", "tcp  any\tloopback *  # why\n")
        let outcome = try mptcpize("policy", "--policy", file, "--rule", "mptcp connect * 443")
        #expect(outcome.output.contains("--rule 1"))
        #expect(outcome.output.contains("\(file):1 tcp any loopback *\n"))
        let json = try JSONSerialization.jsonObject(
            with: Data(mptcpize("policy", "--policy", file, "--json").output.utf8))
        let rules = (json as? [String: Any])?["rules"] as? [[String: Any]]
        #expect(rules?.count == 1 && rules?[0]["file"] as? String == file)
        #expect(rules?[0]["addresses"] as? [String] == ["127.0.0.0/8", "0:0:0:0:0:0:0:1/128"])
    }

    @Test("policy check says which line decides, and what comes of it")
    func check() throws {
        let file = try file(
            "e.conf", "tcp connect private * program pg_dump\ntcp any loopback *\n")
        func check(_ words: String...) throws -> [String] {
            let outcome = try run([Products.mptcpize, "policy", "check", "--policy", file] + words)
            #expect(outcome.succeeded, "\(outcome)")
            return outcome.output.split(separator: "\n").map(String.init)
        }
        let tcp = try check("connect", "127.0.0.1", "5432")
        #expect(tcp.first == "\(file):2 decides: tcp any loopback *")
        #expect(tcp.contains("preload library: TCP: the socket is replaced when it connects"))
        #expect(try check("listen", "::", "80").first == "no rule matches: mptcp")
        let maybe = try check("connect", "10.0.0.1", "http")
        #expect(
            maybe.count == 5 && maybe[1].contains(":1 may decide first, for the program pg_dump"))
        let dump = try check("--program", "pg_dump", "connect", "10.0.0.1", "80")
        #expect(dump.first?.contains(":1 decides") == true && dump.count == 4)
        #expect(try check("--program", "psql", "connect", "10.0.0.1", "80").count == 4)
        for words in [
            ["both", "::", "1"], ["connect", "localhost", "1"], ["connect", "::", "65536"],
            ["connect", "::", "nothing"],
        ] {
            let outcome = try run([Products.mptcpize, "policy", "check"] + words)
            #expect(outcome.end == .exited(64), "\(outcome)")
        }
    }
}

extension String {
    /// This text with the blanks between columns that another one has.
    fileprivate func aligned(_ other: String) -> String {
        func words(_ text: String) -> [[Substring]] {
            text.split(separator: "\n", omittingEmptySubsequences: false).map {
                $0.split(separator: " ")
            }
        }
        return words(self) == words(other) ? other : self
    }
}
