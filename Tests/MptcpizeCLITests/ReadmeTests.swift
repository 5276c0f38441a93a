import ArgumentParser
import Foundation
import LinuxSystem
import TestSupport
import Testing

@testable import MptcpizeCLI

/// What README and the manual pages show of a language of ours is that language. PackageTests runs what
/// can be run.
@Suite("Examples in README and in the manual pages")
struct ReadmeTests {
    @Test("every command of mptcpize that is shown is one")
    func commands() throws {
        let shown =
            try DocumentedCommand.markdown("README.md")
            + DocumentedCommand.markdown("docs/CONTAINERS.md") + DocumentedCommand.manualPages()
        let ours = shown.filter { $0.mptcpizeArguments != nil }
        try #require(ours.count > 100)
        for command in ours {
            let words = try #require(command.mptcpizeArguments)
            // A sentence may speak of a verb, or an option, without what it needs.
            if command.isMention, isVerb(words) || (try? parse(words + ["x"])) != nil { continue }
            #expect(throws: Never.self, "\(command)") { try parse(words) }
        }
        // It would notice.
        for words in [["run", "--nosuch", "true"], ["enable", "--nosuch", "web"], ["nosuch"]] {
            #expect(throws: (any Error).self) { try parse(words) }
        }
    }

    @Test("every goal of make that is shown is one")
    func goals() throws {
        let makefile = try String(contentsOfFile: Repository.path("Makefile"), encoding: .utf8)
        let goals = Set(makefile.matches(of: #/(?m)^([a-z-]+):/#).map(\.1))
        for document in ["README.md", "CONTRIBUTING.md"] {
            for command in try DocumentedCommand.markdown(document) where command.words[0] == "make"
            {
                for word in command.words.dropFirst() where !word.contains("=") {
                    #expect(goals.contains(word[...]), "\(command)")
                }
            }
        }
    }

    private func parse(_ words: [String]) throws {
        if words.first == "run" {
            _ = try RunArguments(words.dropFirst().map { Bytes($0.utf8) })
        } else {
            let values = words.map { $0 == "PID" ? "1" : $0 }
            _ = try Mptcpize.parseAsRoot(DashedUnits.asArguments(values))
        }
    }

    /// Whether these are a verb's name alone, which may need more.
    private func isVerb(_ words: [String]) -> Bool {
        var command: any ParsableCommand.Type = Mptcpize.self
        for word in words {
            let subcommands = command.configuration.subcommands
            guard let next = subcommands.first(where: { $0.configuration.commandName == word })
            else { return false }
            command = next
        }
        return true
    }

    @Test("the rules for what stays TCP are rules")
    func policy() throws {
        let text = try String(contentsOfFile: Repository.path("README.md"), encoding: .utf8)
        let blocks = text.split(separator: "```\n").filter { $0.hasPrefix("tcp ") }
        try #require(blocks.count == 1)
        let directory = try TemporaryDirectory()
        let file = directory.file("policy.conf")
        try blocks[0].write(toFile: file, atomically: true, encoding: .utf8)
        let shown = try run([Products.mptcpize, "policy", "--policy", file])
        #expect(shown.succeeded && shown.errors.isEmpty, "\(shown)")
        #expect(shown.output.split(separator: "\n").count == 1 + 4, "\(shown)")
    }
}
