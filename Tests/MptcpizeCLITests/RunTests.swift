import Foundation
import TestSupport
import Testing

/// `mptcpize run` with real programs, without a report: up to the exec, and what the
/// program finds.
@Suite("Running a program")
struct RunTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// `mptcpize run` of these words.
    private func launch(
        _ words: [String], environment: [String: String?] = [:], directory: String? = nil
    ) throws -> Outcome {
        try run(
            [Products.mptcpize, "run"] + words, environment: environment, directory: directory)
    }

    /// Has the shell run a command, in which "$@" is `mptcpize run`.
    private func shell(_ script: String, environment: [String: String?] = [:]) throws -> Outcome {
        try run(
            ["/bin/sh", "-c", script, "sh", Products.mptcpize, "run"], environment: environment,
            directory: directory.path)
    }

    @Test("no process stays behind: the program has mptcpize's own process id")
    func exec() throws {
        let background = try Background([Products.mptcpize, "run", "sh", "-c", "echo $$"])
        let outcome = background.wait()
        #expect(outcome.output == "\(background.pid)\n")
    }

    @Test("the library is loaded, in programs of either word size")
    func loaded() throws {
        for flavour in [Fixtures.Flavour.glibc, .i386, .musl] {
            let program = try Fixtures.program("mappings", flavour)
            #expect(try launch([program]).output.contains("libmptcpize.so"), "\(flavour)")
        }
    }

    @Test("children of the other word size find theirs, and no loader complains")
    func bothSizes() throws {
        for (parent, child) in [(Fixtures.Flavour.glibc, Fixtures.Flavour.i386), (.i386, .glibc)] {
            let starter = try Fixtures.program("starter", parent)
            let program = try Fixtures.program("mappings", child)
            let outcome = try launch([starter, program])
            #expect(outcome.output.contains("libmptcpize.so"))
            #expect(outcome.errors == "")
        }
    }

    @Test("nested, the library and the switch for Go are there once")
    func nested() throws {
        let mine = Products.library()
        for preload in [nil, mine, "\(mine): "] as [String?] {
            let outcome = try launch(
                [Products.mptcpize, "run", "--", Products.mptcpize, "run", "env"],
                environment: ["LD_PRELOAD": preload])
            let lines = outcome.output.split(separator: "\n")
            let value = try #require(lines.first { $0.hasPrefix("LD_PRELOAD=") })
            #expect(value.components(separatedBy: "libmptcpize").count == 2, "\(value)")
            #expect(lines.filter { $0.hasPrefix("GODEBUG=") } == ["GODEBUG=multipathtcp=1"])
        }
    }

    @Test("arguments and variables that are no text arrive byte for byte")
    func bytes() throws {
        let outcome = try shell(
            #"""
            odd=$(printf 'a b\n\377\303(x')
            VAR="$odd" "$@" sh -c 'printf "%s|" "$VAR" "$@"' "$odd" "$odd" "" "-d" "last
            "
            """#)
        let odd: [UInt8] = Array("a b\n".utf8) + [0xFF, 0xC3] + Array("(x".utf8)
        let bar: [UInt8] = [UInt8(ascii: "|")]
        #expect(outcome.outputBytes == odd + bar + odd + bar + bar + Array("-d|last\n|".utf8))
        #expect(outcome.errors == "")
    }

    @Test("a program whose name is no text")
    func strangeName() throws {
        let outcome = try shell(
            #"""
            name=$(printf './a b\n\377')
            printf '#!/bin/sh\necho "$1"\n' >"$name" && chmod +x "$name"
            "$@" "$name" --help && PATH="$PWD:$PATH" "$@" "${name#./}" found
            """#)
        #expect(outcome.output == "--help\nfound\n")
    }

    @Test("five thousand variables")
    func manyVariables() throws {
        let variables = Dictionary(
            uniqueKeysWithValues: (0..<5000).map { ("V\($0)", Optional("value \($0)")) })
        let outcome = try launch(["env"], environment: variables)
        let lines = Set(outcome.output.split(separator: "\n"))
        #expect((0..<5000).allSatisfy { lines.contains("V\($0)=value \($0)") })
    }

    @Test("an empty environment")
    func noVariables() throws {
        let outcome = try run(["env", "-i", Products.mptcpize, "run", "env"])
        let names = outcome.output.split(separator: "\n").map { $0.prefix { $0 != "=" } }
        #expect(Set(names) == ["LD_PRELOAD", "GODEBUG"])
    }

    @Test("a working directory that was deleted")
    func deletedDirectory() throws {
        let outcome = try shell(#"mkdir gone && cd gone && rmdir "$PWD" && "$@" echo hello"#)
        #expect(outcome.output == "hello\n")
        #expect(outcome.errors == "")
    }

    @Test("closed standard streams stay closed, and nothing of ours takes their place")
    func closedStreams() throws {
        let list = "ls -l /proc/self/fd >list 2>/dev/null"
        let outcome = try shell(#""$@" sh -c '\#(list)' <&- >&- 2>&-; cat list"#)
        let direct = try shell(#"sh -c '\#(list)' <&- >&- 2>&-; cat list"#)
        func targets(_ outcome: Outcome) -> [String] {
            outcome.output.split(separator: "\n").filter { $0.contains(" -> ") }.map { line in
                line.split(separator: " ").suffix(3).joined(separator: " ")
                    .replacingOccurrences(
                        of: #"/proc/\d+"#, with: "", options: .regularExpression)
            }
        }
        #expect(targets(outcome) == targets(direct))
        #expect(!targets(direct).isEmpty)
        #expect(try shell(#""$@" nosuch 2>&-; echo $?"#).output == "127\n")
        #expect(try shell(#""$@" sh -c 'exit 7' <&- >&- 2>&-; echo $?"#).output == "7\n")
    }

    @Test("a reader that goes away ends the help quietly")
    func brokenPipe() throws {
        let outcome = try run(
            [
                "/bin/bash", "-c", "\"$1\" --help | true; echo ${PIPESTATUS[0]}", "sh",
                Products.mptcpize,
            ])
        #expect(["0\n", "141\n"].contains(outcome.output))
        #expect(outcome.errors == "")
    }

    @Test(
        "a program without a first line is read by the shell",
        arguments: [[], ["--report", "-o", "r"]])
    func shellScript(options: [String]) throws {
        try directory.write("echo \"$0 $1\"\n", to: "script", mode: 0o755)
        let outcome = try launch(options + ["./script", "a b"], directory: directory.path)
        #expect(outcome.output == "./script a b\n")
        #expect(outcome.succeeded)
    }

    /// env(1) is execvp and nothing else, so that it is the authority.
    @Test("programs are found where execvp finds them")
    func sameAsExecvp() throws {
        for name in ["a", "b", "c", "sub"] {
            try FileManager.default.createDirectory(
                atPath: directory.file(name), withIntermediateDirectories: false)
        }
        let path = "a:nosuch:a/plain:b::c:/usr/bin:/bin"
        let script = "#!/bin/sh\necho \"$0 $#\"\n"
        try directory.write("not a program", to: "a/plain", mode: 0o644)
        try directory.write(script, to: "b/plain", mode: 0o755)
        try directory.write("x", to: "a/refused", mode: 0o644)
        try directory.write(script, to: "c/three", mode: 0o755)
        try directory.write(script, to: "here", mode: 0o755)
        try directory.write("#!/no/such/interpreter\n", to: "a/orphan", mode: 0o755)
        try directory.write(script, to: "c/orphan", mode: 0o755)
        try directory.write("#!/no/such/interpreter\n", to: "a/lonely", mode: 0o755)
        try directory.write("echo shell $0\n", to: "c/bare", mode: 0o755)
        try FileManager.default.createDirectory(
            atPath: directory.file("a/three"), withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: directory.file("a/loop"), withDestinationPath: "loop")
        try directory.write(script, to: "c/loop", mode: 0o755)

        let names = [
            "plain", "refused", "three", "here", "orphan", "lonely", "bare", "loop", "nosuch",
            "./here", "a/plain", "sub", "./sub", "./here/x", "a/orphan", "./nosuch", "true",
            String(repeating: "n", count: 300),
        ]
        for name in names {
            for value in [path, "", ":b", nil] as [String?] {
                let variables = ["PATH": value]
                let expected = try run(
                    ["/usr/bin/env", name, "1", "2"], environment: variables,
                    directory: directory.path)
                let outcome = try launch(
                    [name, "1", "2"], environment: variables, directory: directory.path)
                // ENOTDIR counts as "not found" here, where env(1) says 126.
                let status = name == "./here/x" ? 127 : expected.status
                #expect(outcome.status == status, "\(name) in \(value ?? "no PATH")")
                #expect(outcome.output == expected.output, "\(name) in \(value ?? "no PATH")")
            }
        }
    }
}
