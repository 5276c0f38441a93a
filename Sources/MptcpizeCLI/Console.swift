import Glibc
import LinuxSystem
import TextOutput

/// mptcpize's own standard streams.
enum Console {
    /// Writes a text and a newline to standard output. A reader that went away ends
    /// the process by SIGPIPE, as it ends any filter.
    static func output(_ text: String) throws(Failure) {
        do {
            try writeAll((text + "\n").utf8, to: 1)
        } catch {
            throw Failure(.failed, "standard output", error.reason)
        }
    }

    /// The terminal, if any, that standard output is.
    static var terminal: Terminal { Terminal(STDOUT_FILENO) }

    /// Writes a document to standard output.
    static func output(_ document: JSONValue) throws(Failure) {
        try output(bytes: document.text)
    }

    /// Writes a text to standard output as it is.
    static func output(bytes: [UInt8]) throws(Failure) {
        do {
            try writeAll(bytes, to: STDOUT_FILENO)
        } catch {
            throw Failure(.failed, "standard output", error.reason)
        }
    }

    /// Writes a line to standard error. One that is closed, full or without a reader is
    /// nobody's fault that could still be told of it, and no reason not to start a program.
    static func error(_ line: String) {
        let former = signal(SIGPIPE, SIG_IGN)
        defer { signal(SIGPIPE, former) }
        try? writeAll((line + "\n").utf8, to: 2)
    }
}
