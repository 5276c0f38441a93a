import LinuxSystem
import SocketPolicy

/// Reads rules, one on each line.
struct PolicyParser {
    /// What messages and rules name as their file.
    let file: Bytes
    /// Of failures.
    let status: Failure.Status
    /// The names of ports, read when the first one is met.
    var services: () -> ServiceNames? = ServiceNames.onceOfThisMachine()

    /// All rules of a file's content.
    func rules(_ content: Bytes) throws(Failure) -> [PolicyRule] {
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]  // Unicode's mark at the beginning of a file
        let text = content.starts(with: mark) ? content[3...] : content[...]
        var rules: [PolicyRule] = []
        var number = 0
        for line in text.split(separator: 0x0A, omittingEmptySubsequences: false) {
            number += 1
            // Most lines of the file that is shipped are comments.
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            if let rule = try rule(line, number: number) { rules.append(rule) }
        }
        return rules
    }

    /// The rule of one line; nil for an empty line or a comment.
    func rule(_ line: some Collection<UInt8>, number: Int) throws(Failure) -> PolicyRule? {
        let place = Place(file: file, line: number, status: status)
        let words: PolicyLine
        do throws(PolicyLine.Unended) {
            words = try PolicyLine(line)
        } catch {
            throw place.failure(
                error.word, "a quotation mark is not closed",
                "end the word with the same mark, followed by a blank")
        }
        if words.words.isEmpty { return nil }
        var reader = WordReader(line: words, place: place)
        let action = try reader.one(of: PolicyRule.Action.self, "an action")
        let direction = try reader.one(of: PolicyRule.Direction.self, "a direction")
        let addresses = try AddressField.prefixes(
            try reader.next("an address", AddressField.allowed), place)
        let ports = try PortField.ranges(
            try reader.next("ports", PortField.allowed), place, services)
        return PolicyRule(
            action: action, direction: direction, addresses: addresses, ports: ports,
            program: try reader.program(), origin: PolicyOrigin(file: file, line: number),
            words: words.words.map { $0.written })
    }

    /// A line, for messages.
    struct Place {
        let file: Bytes
        let line: Int
        let status: Failure.Status

        func failure(_ word: PolicyLine.Word, _ reason: String, _ allowed: String) -> Failure {
            failure(column: word.column, "'\(word.written.text)': \(reason)", allowed)
        }

        func failure(column: Int, _ reason: String, _ allowed: String) -> Failure {
            Failure(status, "\(file.text):\(line):\(column)", reason, remedy: allowed)
        }
    }
}

/// The words of a rule, one after the other.
private struct WordReader {
    let line: PolicyLine
    let place: PolicyParser.Place
    private var index = 0

    init(line: PolicyLine, place: PolicyParser.Place) {
        self.line = line
        self.place = place
    }

    mutating func next(_ what: String, _ allowed: String) throws(Failure) -> PolicyLine.Word {
        guard index < line.words.count else {
            throw place.failure(
                column: line.end, "the rule ends where \(what) is expected", allowed)
        }
        index += 1
        return line.words[index - 1]
    }

    mutating func one<Value: RawRepresentable<String> & CaseIterable>(
        of: Value.Type, _ what: String
    ) throws(Failure) -> Value {
        let names = Value.allCases.map { $0.rawValue }
        let allowed = "write " + names.dropLast().joined(separator: ", ") + " or " + names.last!
        let word = try next(what, allowed)
        guard let value = Value(rawValue: word.bytes.text) else {
            throw place.failure(word, "is not \(what)", allowed)
        }
        return value
    }

    /// The glob of the condition; nil where there is none.
    mutating func program() throws(Failure) -> Bytes? {
        var glob: Bytes?
        while index < line.words.count {
            let keyword = try next("", "")
            guard keyword.bytes == Bytes("program".utf8) else {
                throw place.failure(
                    keyword, "is not a condition",
                    "write program GLOB, or nothing; ports are a list with commas, without blanks")
            }
            guard glob == nil else {
                throw place.failure(keyword, "is given twice", "write one rule for each program")
            }
            let allowed =
                "write the file name of a program, or a glob for it, in quotation marks "
                + "where it has blanks"
            let word = try next("a program", allowed)
            if word.bytes.isEmpty || word.bytes.contains(where: { $0 == 0 || $0 == 0x2f }) {
                throw place.failure(
                    word, "is not a file name: rules compare names without folders", allowed)
            }
            guard word.bytes.count <= Int(MPTCPIZE_POLICY_GLOB) else {
                throw place.failure(
                    word, "is longer than \(MPTCPIZE_POLICY_GLOB) bytes", allowed)
            }
            glob = word.bytes
        }
        return glob
    }
}
