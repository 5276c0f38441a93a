import Glibc
import MptcpizeCore

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

    /// Whether standard output is a terminal that takes colours, and its user wants them
    /// (no-color.org).
    static var isStyled: Bool {
        func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
        return isatty(STDOUT_FILENO) == 1 && variable("NO_COLOR").isEmpty
            && !["", "dumb"].contains(variable("TERM"))
    }

    /// Writes a line to standard error. One that is closed or full is nobody's fault
    /// that could still be told of it.
    static func error(_ line: String) {
        try? writeAll((line + "\n").utf8, to: 2)
    }
}
