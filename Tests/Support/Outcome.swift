/// What became of a command: how it ended, and what it wrote.
public struct Outcome: Sendable, CustomStringConvertible {
    /// How a process ended.
    public enum End: Equatable, Sendable {
        case exited(Int32)
        case signalled(Int32)
        /// It had to be killed because its time was up.
        case timedOut
    }

    public let end: End
    public let outputBytes: [UInt8]
    public let errorBytes: [UInt8]

    /// Standard output and standard error as text; what is not UTF-8 is replaced.
    public var output: String { String(decoding: outputBytes, as: UTF8.self) }
    public var errors: String { String(decoding: errorBytes, as: UTF8.self) }

    /// The exit status; nil after a signal or a timeout.
    public var status: Int32? {
        if case .exited(let status) = end { status } else { nil }
    }

    public var succeeded: Bool { end == .exited(0) }

    /// What a failed expectation shows.
    public var description: String {
        "\(end)\n--- stdout\n\(output.suffix(4000))\n--- stderr\n\(errors.suffix(4000))"
    }
}

/// A command that was to succeed and did not.
public struct CommandFailed: Error, CustomStringConvertible {
    public let arguments: [String]
    public let outcome: Outcome
    public var description: String { "\(arguments.joined(separator: " ")): \(outcome)" }
}

extension Outcome {
    /// The outcome itself, or an error with all that the command said.
    @discardableResult
    public func orThrow(_ arguments: [String]) throws -> Outcome {
        guard succeeded else { throw CommandFailed(arguments: arguments, outcome: self) }
        return self
    }
}
