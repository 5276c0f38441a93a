import LinuxSystem
import TextOutput

/// One line of `mptcpize check`: what was looked at, what was found, what to do about it.
package struct Finding: Equatable, Sendable {
    package enum Level: String, Sendable, CaseIterable {
        case ok
        /// Worth knowing; nothing is broken.
        case note
        /// MPTCP, or a path of it, does not work here until something is done.
        case problem
    }

    package let level: Level
    /// What was looked at: "kernel", "endpoint 2", "nginx.service".
    package let subject: String
    /// What was found, with the evidence.
    package let text: String
    /// What to type or change next; empty where there is nothing to be done.
    package let next: String

    package init(_ level: Level, _ subject: String, _ text: String, next: String = "") {
        self.level = level
        self.subject = subject
        self.text = text
        self.next = next
    }

    /// A failure as a line of a check.
    init(_ level: Level, _ failure: Failure) {
        self.init(level, failure.object, failure.reason, next: failure.remedy)
    }
}

/// What a check has found: the one value that both the text and the JSON document are
/// made from.
package struct CheckReport: Equatable, Sendable {
    package var findings: [Finding]

    package init(_ findings: [Finding]) { self.findings = findings }

    package var hasProblem: Bool { findings.contains { $0.level == .problem } }

    /// A line for each finding and an indented one for what to do. No newlines.
    package func lines(styled: Bool = false) -> [String] {
        var table = TextTable([.init(""), .init("")])
        for finding in findings {
            let style: TextTable.Style =
                switch finding.level {
                case .ok: .good
                case .note: .doubtful
                case .problem: .bad
                }
            table.append(
                [.init(finding.level.rawValue, style), .init(finding.subject.printable)],
                note: finding.text.printable)
        }
        // The first line is the titles', of which there are none.
        let rows = table.lines(width: .max, styled: styled).dropFirst()
        var lines: [String] = []
        for (row, finding) in zip(rows, findings) {
            lines.append(row)
            if !finding.next.isEmpty { lines.append("        → \(finding.next.printable)") }
        }
        return lines + [sentence]
    }

    private var sentence: String {
        let problems = findings.count { $0.level == .problem }
        let notes = findings.count { $0.level == .note }
        func counted(_ number: Int, _ noun: String) -> String {
            number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
        }
        switch (problems, notes) {
        case (0, 0): return "All is well."
        case (0, _): return "No problem, \(counted(notes, "note"))."
        case (_, 0): return "\(counted(problems, "problem"))."
        default: return "\(counted(problems, "problem")), \(counted(notes, "note"))."
        }
    }

    /// The same as one document, version 1 of its format.
    package var json: JSONValue {
        [
            "version": 1,
            "problem": .bool(hasProblem),
            "findings": .array(
                findings.map {
                    [
                        "level": .string($0.level.rawValue), "subject": .string($0.subject),
                        "text": .string($0.text),
                        "next": $0.next.isEmpty ? .null : .string($0.next),
                    ]
                }),
        ]
    }
}
