import ArgumentParser
import LinuxSystem
import RunInput
import Testing

@testable import MptcpizeCLI

@Suite("The command line of run")
struct RunArgumentsTests {
    private func parse(_ words: [String]) throws(Failure) -> RunArguments {
        try RunArguments(words.map { Bytes($0.utf8) })
    }

    private func program(_ words: [String]) throws -> [String] {
        try parse(words).program.map(\.text)
    }

    @Test(
        "everything from the program on is the program's",
        arguments: [
            (["curl", "--help"], ["curl", "--help"]), (["-d", "curl", "-v"], ["curl", "-v"]),
            (["--", "./x"], ["./x"]), (["--", "-weird", "-d"], ["-weird", "-d"]),
            (["--", "--", "x"], ["--", "x"]), (["x", "--", "-d"], ["x", "--", "-d"]),
            (["--strict", "--", "x"], ["x"]), (["-", "x"], ["-", "x"]), (["", "x"], ["", "x"]),
            (["run", "-d"], ["run", "-d"]),
            (["x", "--report", "-o", "f"], ["x", "--report", "-o", "f"]),
        ])
    func passthrough(words: [String], program: [String]) throws {
        #expect(try self.program(words) == program)
    }

    @Test(
        "values in the same word and in the next",
        arguments: [
            ["-o", "f", "x"], ["-of", "x"], ["--output", "f", "x"], ["--output=f", "x"],
            ["-o", "g", "-o", "f", "x"],
        ])
    func values(words: [String]) throws {
        let arguments = try parse(words)
        #expect(arguments.output == Bytes("f".utf8))
        #expect(arguments.report)
        #expect(arguments.program == [Bytes("x".utf8)])
    }

    @Test("short options in one word")
    func cluster() throws {
        let arguments = try parse(["-do", "-f", "x"])
        #expect(arguments.debug)
        #expect(arguments.output == Bytes("-f".utf8))
        #expect(try parse(["-dof=g", "x"]).output == Bytes("f=g".utf8))
    }

    @Test("a report in JSON or in a file is a report")
    func implied() throws {
        #expect(try parse(["--json", "x"]).report)
        #expect(try !parse(["-d", "x"]).report)
    }

    @Test("bytes stay what they are")
    func bytes() throws {
        let strange: Bytes = [0x2D, 0xFF, 0x0A, 0x20]
        let arguments = try RunArguments([Bytes("-o".utf8), strange, Bytes("x".utf8), strange])
        #expect(arguments.output == strange)
        #expect(arguments.program == [Bytes("x".utf8), strange])
    }

    @Test(
        "what makes no sense is a usage error that names itself",
        arguments: [
            ([], "no program"), (["-d"], "no program"), (["--"], "no program"),
            (["--bogus", "x"], "--bogus"), (["-dx", "y"], "-x"), (["-o"], "-o needs"),
            (["--output"], "--output needs"), (["--output=", "x"], "-o needs"),
            (["--report=1", "x"], "--report takes no value"), (["--mode", "y", "x"], "mode y"),
            (["--mode"], "--mode needs"),
            (["-\u{FF}", "x"], "unknown option"),
        ])
    func nonsense(words: [String], says: String) {
        let failure = #expect(throws: Failure.self) { try parse(words) }
        #expect(failure?.status == .usage)
        #expect(failure?.message.contains(says) == true)
    }

    @Test("help, wherever it is among run's own options")
    func help() throws {
        for words in [["--help"], ["-h"], ["-d", "--help", "x"], ["-dh"]] {
            #expect(try parse(words).help)
        }
        #expect(try !parse(["x", "--help"]).help)
    }

    /// ArgumentParser has the same options for the help; nothing else compares the two.
    @Test(
        "ArgumentParser reads the same",
        arguments: [
            ["x"], ["-d", "x"], ["--debug", "x"], ["--report", "x"], ["--json", "x"],
            ["-o", "f", "x"], ["--output", "f", "x"], ["--mode", "preload", "x"],
            ["--mode", "bpf", "x"], ["--mode=auto", "x"], ["--strict", "x", "-v", "--help"],
            ["-d", "--report", "--strict", "x", "y"], ["--protocol-as-tcp", "x"],
            ["--policy", "f", "x"], ["--policy=none", "--rule", "r", "--rule=s", "x"],
            ["--keep-tcp", "x"],
        ])
    func declaration(words: [String]) throws {
        let declared = try RunCommand.parse(words)
        let read = try parse(words)
        #expect(declared.debug == read.debug)
        #expect((declared.report || declared.json || declared.output != nil) == read.report)
        #expect(declared.json == read.json)
        #expect(declared.output.map { Bytes($0.utf8) } == read.output)
        #expect(declared.mode == read.mode.rawValue)
        #expect(declared.strict == read.strict)
        #expect(declared.protocolAsTCP == read.protocolAsTCP)
        #expect(declared.policy.places == read.policy)
        #expect([declared.program] + declared.argument == read.program.map(\.text))
    }

    @Test("the help names every option that is read, and every option it names is read")
    func everyOption() throws {
        let help = RunCommand.helpMessage(columns: 200)
        let named = Set(
            help.split(whereSeparator: { " \n,".contains($0) }).map(String.init)
                .filter {
                    $0.hasPrefix("--") && $0.dropFirst(2).allSatisfy { $0.isLetter || $0 == "-" }
                        && $0 != "--"
                })
        #expect(
            named.symmetricDifference([
                "--debug", "--report", "--json", "--output", "--mode", "--strict",
                "--protocol-as-tcp", "--policy", "--rule", "--keep-tcp", "--help", "--version",
            ]) == ["--version"])
        for option in named {
            let words = [option, "preload", "x"]
            do {
                _ = try parse(words)
            } catch {
                Issue.record("\(option): \(error.message)")
            }
        }
    }
}
