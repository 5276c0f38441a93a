import LinuxSystem
import SocketPolicy

/// One line: what becomes of certain connections or listeners.
package struct PolicyRule: Sendable, Equatable {
    package enum Action: String, Sendable, CaseIterable {
        case mptcp, tcp
    }

    package enum Direction: String, Sendable, CaseIterable {
        case connect, listen, any

        /// As the preload library numbers them.
        var indices: [Int] {
            switch self {
            case .connect: [Int(MPTCPIZE_CONNECT.rawValue)]
            case .listen: [Int(MPTCPIZE_LISTEN.rawValue)]
            case .any: [Int(MPTCPIZE_CONNECT.rawValue), Int(MPTCPIZE_LISTEN.rawValue)]
            }
        }
    }

    package let action: Action
    package let direction: Direction
    /// None: all.
    package let addresses: [AddressPrefix]
    /// None: all.
    package let ports: [ClosedRange<UInt16>]
    /// A glob for the file name of the program's image; nil: every program.
    package let program: Bytes?
    package let origin: PolicyOrigin
    /// The words as they were written.
    package let words: [Bytes]

    /// The same without its condition.
    package var forEveryProgram: PolicyRule {
        PolicyRule(
            action: action, direction: direction, addresses: addresses, ports: ports, program: nil,
            origin: origin, words: words)
    }

    /// The line, one blank between its words.
    package var line: String { words.map { $0.text }.joined(separator: " ") }
}

/// Where a rule was written.
package struct PolicyOrigin: Sendable, Equatable {
    /// A file's path, or the option that had it.
    package let file: Bytes
    /// From 1; of options, the n-th of its kind.
    package let line: Int

    package init(file: Bytes, line: Int) {
        self.file = file
        self.line = line
    }

    package static let ruleOption = Bytes("--rule".utf8)
    package static let keepOption = Bytes("--keep-tcp".utf8)

    /// Of a rule that is not ours to name: a program inside has rules of its own.
    package static let ofAnotherRun = PolicyOrigin(file: [], line: 0)

    /// Short, for a table: files in the system's folder by their names there.
    package var text: String {
        if self == .ofAnotherRun { return "a run inside" }
        if file == Self.keepOption { return file.text }
        if file == Self.ruleOption { return "\(file.text) \(line)" }
        let folder = Bytes("\(PolicyPlaces.folder)/".utf8)
        let name = file.starts(with: folder) ? Bytes(file.dropFirst(folder.count)) : file
        return "\(name.text):\(line)"
    }
}
