import Foundation

/// Tests/Policy/decisions.txt: rules, and the decisions that every reader must make from them.
public struct PolicyCase: Sendable, CustomStringConvertible {
    public struct Question: Sendable {
        /// nil: not known.
        public let program: String?
        /// "connect" or "listen".
        public let direction: String
        public let address: String
        public let port: UInt16
    }
    public struct Answer: Sendable, Equatable, CustomStringConvertible {
        public let isTCP: Bool
        /// Of the rules, from 1; nil: none matches.
        public let line: Int?
        public var description: String { line.map { "\(isTCP ? "tcp" : "mptcp") \($0)" } ?? "none" }

        public init(isTCP: Bool, line: Int?) { (self.isTCP, self.line) = (isTCP, line) }
    }

    public let name: String
    public private(set) var rules: [String] = []
    /// The canonical text.
    public private(set) var text = ""
    public private(set) var questions: [(Question, Answer)] = []
    /// Whether all sockets of a program are TCP from the beginning.
    public private(set) var programs: [(String?, Answer)] = []
    public var description: String { name }

    public static let all: [PolicyCase] = {
        let file = Repository.path("Tests/Policy/decisions.txt")
        let lines = try! String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        var cases: [PolicyCase] = []
        for line in lines where !line.hasPrefix("#") {
            if line.hasPrefix("[") {
                cases.append(PolicyCase(name: String(line.dropFirst().dropLast())))
            } else {
                cases[cases.count - 1].read(String(line))
            }
        }
        return cases
    }()

    private init(name: String) { self.name = name }

    private mutating func read(_ line: String) {
        let value = String(line.drop { $0 != " " }.dropFirst())
        switch line.prefix(while: { $0 != " " }) {
        case "rule:": rules.append(value)
        case "text:": text = value
        default:
            let words = value.split(separator: " ").map(String.init)
            let answer = Self.answer(words.drop { $0 != "=" }.dropFirst().map { $0 })
            let program = words[0] == "-" ? nil : Self.name(words[0])
            guard line.hasPrefix("ask:") else { return programs.append((program, answer)) }
            let question = Question(
                program: program, direction: words[1], address: words[2], port: UInt16(words[3])!)
            questions.append((question, answer))
        }
    }

    private static func answer(_ words: [String]) -> Answer {
        Answer(isTCP: words[0] == "tcp", line: words.count > 1 ? Int(words[1])! : nil)
    }

    private static func name(_ word: String) -> String {
        word.replacingOccurrences(of: "=", with: "%").removingPercentEncoding!
    }
}
