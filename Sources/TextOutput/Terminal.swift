import Glibc

/// What a stream's reader can take.
package struct Terminal: Sendable {
    private let stream: Int32

    /// - Parameter stream: STDOUT_FILENO or STDERR_FILENO.
    package init(_ stream: Int32) { self.stream = stream }

    package var isTerminal: Bool { isatty(stream) == 1 }

    /// Whether it takes escape sequences: more than a printer does.
    package var isAddressable: Bool {
        isTerminal && !["", "dumb"].contains(Self.variable("TERM"))
    }

    /// Whether it takes colours, and its user wants them (no-color.org).
    package var isStyled: Bool { isAddressable && Self.variable("NO_COLOR").isEmpty }

    private static func variable(_ name: String) -> String {
        getenv(name).map { String(cString: $0) } ?? ""
    }

    /// Its size in characters; nil for what is no terminal.
    package var size: (columns: Int, rows: Int)? {
        var size = winsize()
        guard ioctl(stream, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return nil
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}
