import Foundation

/// A command that a document shows, as one would type it.
public struct DocumentedCommand: Hashable, Sendable, CustomStringConvertible {
    /// The document, by its path in the project.
    public let document: String
    /// Without prompt, sudo, and what is said of it.
    public let text: String
    /// Whether it stands in a sentence, where a verb may stand without all that it needs.
    public let isMention: Bool

    public var description: String { "\(document): \(text)" }

    /// Its words, as a shell divides them; of a pipe, those of the first program.
    public var words: [String] { Self.words(of: text) }

    /// The words behind "mptcpize", where it is called, by itself or by another program.
    public var mptcpizeArguments: [String]? {
        let words = words
        return words.firstIndex(of: "mptcpize").map { Array(words[($0 + 1)...]) }
    }

    /// README and its kin: blocks of code, and what stands in sentences in the form of code.
    public static func markdown(_ document: String) throws -> [DocumentedCommand] {
        let text = try String(contentsOfFile: Repository.path(document), encoding: .utf8)
        var commands: [DocumentedCommand] = []
        for (number, part) in text.components(separatedBy: "```").enumerated() {
            let isBlock = number % 2 == 1
            let found = isBlock ? block(part) : mentions(part)
            commands += found.map {
                DocumentedCommand(document: document, text: $0, isMention: !isBlock)
            }
        }
        return commands
    }

    /// The examples of all manual pages.
    public static func manualPages() throws -> [DocumentedCommand] {
        let folder = "docs/man"
        let pages = try FileManager.default.contentsOfDirectory(atPath: Repository.path(folder))
            .filter { $0.hasSuffix(".8") || $0.hasSuffix(".5") }.sorted()
        return try pages.flatMap { page in
            let text = try String(
                contentsOfFile: Repository.path("\(folder)/\(page)"), encoding: .utf8)
            return text.matches(of: #/(?m)^\.Dl [$#] (.+)$/#).map {
                DocumentedCommand(
                    document: "\(folder)/\(page)", text: String($0.1), isMention: false)
            }
        }
    }

    /// With prompts, the lines that have one; otherwise each line that is not a continuation.
    /// Two spaces, or a comment, end a command.
    private static func block(_ text: String) -> [String] {
        let lines = text.split(separator: "\n").map(String.init)
        let prompted = lines.compactMap { $0.firstMatch(of: #/^(?:[a-z]+)?[$#] (.+)$/#)?.1 }
        let typed = prompted.isEmpty ? lines[...].map { $0[...] } : prompted
        return typed.compactMap { line in
            guard line.first?.isLowercase == true else { return nil }
            let command = String(
                line.prefix(upTo: line.firstRange(of: #/ {2,}| # /#)?.lowerBound ?? line.endIndex))
            let words = command.split(separator: " ")
            // Rules for what stays TCP.
            if words.first == "tcp" || words.first == "mptcp" { return nil }
            return words.first == "sudo" ? words.dropFirst().joined(separator: " ") : command
        }
    }

    private static func mentions(_ text: String) -> [String] {
        text.matches(of: #/`((?:mptcpize|make) [^`]+)`/#).map {
            $0.1.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
    }

    private static func words(of text: String) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for character in text {
            switch (quote, character) {
            case (nil, "|"): return words + [word].compactMap { $0 }
            case (nil, " "):
                words += [word].compactMap { $0 }
                word = nil
            case (nil, "'"), (nil, "\""):
                quote = character
                word = word ?? ""
            case (let open?, character) where open == character: quote = nil
            default: word = (word ?? "") + String(character)
            }
        }
        return words + [word].compactMap { $0 }
    }
}
