import Foundation
import TestSupport
import Testing

/// What README shows of a language of ours is that language.
@Suite("Examples in README")
struct ReadmeTests {
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

    @Test("links lead to headings and files that there are")
    func links() throws {
        for page in try Documentation.pages {
            let folder = (page.path as NSString).deletingLastPathComponent
            for match in page.text.matches(of: /\]\(([^)\s]+)\)/) where !match.1.contains("://") {
                let parts = match.1.split(separator: "#", omittingEmptySubsequences: false)
                let target = parts[0].isEmpty ? page.path : "\(folder)/\(parts[0])"
                #expect(FileManager.default.fileExists(atPath: target), "\(page.path): \(match.1)")
                guard parts.count == 2 else { continue }
                let text = try String(contentsOfFile: target, encoding: .utf8)
                #expect(
                    Documentation.headings(of: text).contains(String(parts[1])),
                    "\(page.path): \(match.1)")
            }
        }
    }
}

/// Commands that pages and messages of the project have users type.
@Suite("Commands in README, documents and manual pages")
struct DocumentedCommandTests {
    @Test("have verbs and options that there are")
    func commands() throws {
        let dump = try run([Products.mptcpize, "--experimental-dump-help"])
        let tool = try JSONDecoder().decode(Verb.Dump.self, from: Data(dump.output.utf8)).command
        var count = 0
        for page in try Documentation.pages + Documentation.manual {
            for command in page.commands {
                count += 1
                if let mistake = tool.mistake(in: command) {
                    Issue.record("\(page.path): \(command.joined(separator: " ")): \(mistake)")
                }
            }
        }
        #expect(count > 150, "commands are found")
    }

    @Test(
        "which of them are wrong is noticed",
        arguments: [
            ("run --strct curl", "--strct"), ("polcy list", "polcy"),
            ("bpf attach --units a", "--units"),
            ("enable --mode", "--mode"), ("run -x curl", "-x"),
        ])
    func mistakes(command: String, word: String) throws {
        let dump = try run([Products.mptcpize, "--experimental-dump-help"])
        let tool = try JSONDecoder().decode(Verb.Dump.self, from: Data(dump.output.utf8)).command
        #expect(tool.mistake(in: command.components(separatedBy: " "))?.contains(word) == true)
    }
}

/// A verb of mptcpize as ArgumentParser describes it.
private struct Verb: Decodable {
    struct Dump: Decodable { var command: Verb }

    struct Argument: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String

            var word: String { (kind == "long" ? "--" : "-") + name }
        }

        var kind: String
        var names: [Name]?
    }

    var commandName: String
    var subcommands: [Verb]?
    var arguments: [Argument]?

    /// What is wrong with the words behind `mptcpize`; nil where nothing is.
    func mistake(in words: [String]) -> String? {
        guard let first = words.first else { return nil }
        if let verb = subcommands?.first(where: { $0.commandName == first }) {
            return verb.mistake(in: Array(words.dropFirst()))
        }
        if subcommands != nil, !first.hasPrefix("-"), !first.hasPrefix("…") {
            return "no verb \(first)"
        }
        var rest = words[...]
        while let word = rest.popFirst() {
            // "-.slice" is a unit.
            if word == "--" { return nil }
            guard word.hasPrefix("-"), !word.hasPrefix("-.") else {
                // What follows the program is the program's.
                if commandName == "run" { return nil }
                continue
            }
            let name = word.split(separator: "=")[0]
            // ArgumentParser adds these to all verbs.
            if ["--help", "--version"].contains(name) { continue }
            guard
                let option = arguments?.first(where: {
                    $0.names?.contains { $0.word == name } ?? false
                })
            else { return "no option \(name)" }
            if option.kind == "option", name == word, rest.popFirst() == nil {
                return "no value of \(name)"
            }
        }
        return nil
    }
}

/// A page of the project that tells users what to type.
private struct Documentation {
    var path: String
    var text: String

    /// Markdown.
    static var pages: [Documentation] {
        get throws {
            let docs = try FileManager.default.contentsOfDirectory(atPath: Repository.path("docs"))
            let names =
                ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
                + docs.filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }
            return try names.map { try Documentation(Repository.path($0)) }
        }
    }

    /// The sources of manual pages.
    static var manual: [Documentation] {
        get throws {
            let folder = Repository.path("docs/man/prose")
            return try FileManager.default.contentsOfDirectory(atPath: folder).map {
                try Documentation("\(folder)/\($0)")
            }
        }
    }

    private init(_ path: String) throws {
        self.path = path
        text = try String(contentsOfFile: path, encoding: .utf8)
    }

    /// The words behind each `mptcpize`.
    var commands: [[String]] {
        lines.compactMap { line in
            // What follows two blanks explains the command.
            let shown = line.split(separator: /\s\s|\||;/, maxSplits: 1)[0]
            let words = Self.words(String(shown))
            return words.firstIndex(of: "mptcpize").map { Array(words[($0 + 1)...]) }
        }
    }

    private var lines: [String] {
        if path.hasSuffix(".mdoc") {
            return text.split(separator: "\n").filter { $0.hasPrefix(".Dl ") }.map {
                String($0.dropFirst(4)).replacing("\\(dq", with: "\"")
                    .replacing("\\-", with: "-")
            }
        }
        var isBlock = false
        var result: [String] = []
        var prose = ""
        for line in text.components(separatedBy: "\n") {
            if line.hasPrefix("```") {
                isBlock.toggle()
            } else if isBlock {
                result.append(line)
            } else {
                prose += line.trimmingPrefix(/\s+/) + "\n"
            }
        }
        for match in prose.matches(of: /`([^`]+)`/) {
            result.append(String(match.1).replacing("\n", with: " "))
        }
        return result.filter { !$0.allSatisfy(\.isWhitespace) }
    }

    /// As a shell splits them, without its quotation marks.
    private static func words(_ line: String) -> [String] {
        line.matches(of: /'[^']*'|"[^"]*"|\S+/).map {
            String($0.0.trimmingPrefix(/['"]/).replacing(/['"]$/, with: ""))
        }
    }

    /// The anchors of a page's headings, as GitHub makes them.
    static func headings(of text: String) -> Set<String> {
        Set(
            text.split(separator: "\n").filter { $0.hasPrefix("#") }.map {
                $0.trimmingPrefix(#/#+ /#).lowercased().replacing(/[^a-z0-9 _-]/, with: "")
                    .replacing(" ", with: "-")
            })
    }
}
