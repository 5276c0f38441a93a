import CLinux
import Glibc
import LinuxSystem
import TextOutput

/// `sockets --watch`: draws a listing repeatedly, with rates, until a signal ends it.
///
/// On a terminal it uses the alternate screen, so the previous contents come back. It blocks signals
/// and waits for them, so none arrives in the middle of a step.
package struct SocketWatch: Sendable {
    private let query: SocketQuery
    private let interval: Duration
    private let isJSON: Bool
    private let isDetailed: Bool

    package init(query: SocketQuery, interval: Duration, isJSON: Bool, isDetailed: Bool) {
        self.query = query
        self.interval = interval
        self.isJSON = isJSON
        self.isDetailed = isDetailed
    }

    // ECMA-48 and xterm's private modes: the alternate screen with the cursor saved, the
    // cursor hidden, lines that are too long cut (names may be wider than they are counted);
    // home, erase to the end of the line, erase what is below.
    private static let enter = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l"
    private static let leave = "\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"
    private static let home = "\u{1B}[H"
    private static let endOfLine = "\u{1B}[K\r\n"
    private static let below = "\u{1B}[J"

    /// Returns after SIGINT, SIGTERM or SIGHUP, or when nobody reads any more.
    package func run() throws(Failure) {
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGWINCH, SIGCONT, SIGPIPE] { sigaddset(&signals, signal) }
        // A signal that is blocked and waited for comes even where it is ignored; nohup(1) and
        // a shell without job control want it ignored.
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP] where !clinux_ignores(signal) {
            sigaddset(&signals, signal)
        }
        var before = sigset_t()
        sigprocmask(SIG_BLOCK, &signals, &before)
        defer { sigprocmask(SIG_SETMASK, &before, nil) }
        let terminal = Terminal(STDOUT_FILENO)
        guard terminal.isAddressable, !isJSON else { return try loop(signals, on: nil) }
        try? writeAll(Self.enter.utf8, to: STDOUT_FILENO)
        defer { try? writeAll(Self.leave.utf8, to: STDOUT_FILENO) }
        try loop(signals, on: terminal)
    }

    private func loop(_ signals: sigset_t, on terminal: Terminal?) throws(Failure) {
        let clock = ContinuousClock()
        var listing = try query.run()
        var rates: SocketRates?
        var listed = clock.now
        var isShown = false
        while true {
            if !isShown, try !show(frame(listing, rates, on: terminal)) { return }
            isShown = true
            switch wait(until: listed + interval, clock, signals) {
            case 0:
                let next = again()
                let now = clock.now
                rates = SocketRates(from: listing, to: next, elapsed: now - listed)
                listing = next
                listed = now
                isShown = false
            case SIGTSTP:
                stop(drawing: terminal != nil)
                isShown = terminal == nil
            // The window has changed, or the screen may have: it is redrawn from what is known.
            case SIGWINCH, SIGCONT: isShown = terminal == nil
            default: return
            }
        }
    }

    /// False when nobody reads any more.
    private func show(_ frame: [UInt8]) throws(Failure) -> Bool {
        do throws(Errno) {
            try writeAll(frame, to: STDOUT_FILENO)
            return true
        } catch {
            // EIO: of a terminal that was hung up.
            if [EPIPE, EIO].contains(error.rawValue) { return false }
            throw Failure(.failed, "standard output", error.reason)
        }
    }

    /// The next listing. What is watched may be away for a while, as a service that restarts.
    private func again() -> SocketListing {
        do throws(Failure) {
            return try query.run()
        } catch {
            var nothing = SocketListing()
            nothing.notes.append("\(error.object): \(error.reason)".printable)
            return nothing
        }
    }

    /// Waits for the time, 0, or a signal, its number.
    private func wait(
        until end: ContinuousClock.Instant, _ clock: ContinuousClock, _ signals: sigset_t
    ) -> Int32 {
        let (seconds, attoseconds) = max(end - clock.now, .zero).components
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        var signal = clinux_signal()
        var signals = signals
        return clinux_wait_signal(&signals, Int32(milliseconds), &signal) ? signal.number : 0
    }

    /// Stops as the terminal's user has asked, and leaves the screen to the shell meanwhile.
    private func stop(drawing isDrawing: Bool) {
        if isDrawing { try? writeAll(Self.leave.utf8, to: STDOUT_FILENO) }
        var stop = sigset_t()
        sigemptyset(&stop)
        sigaddset(&stop, SIGTSTP)
        raise(SIGTSTP)
        // It stops in here, unless there is no shell that could continue it.
        sigprocmask(SIG_UNBLOCK, &stop, nil)
        sigprocmask(SIG_BLOCK, &stop, nil)
        if isDrawing { try? writeAll(Self.enter.utf8, to: STDOUT_FILENO) }
    }

    private func frame(
        _ listing: SocketListing, _ rates: SocketRates?, on terminal: Terminal?
    ) -> [UInt8] {
        // Always with the columns, so that the table does not jump on the second frame.
        let rates = rates ?? SocketRates(from: listing, to: SocketListing(), elapsed: .seconds(1))
        if isJSON { return listing.json(rates: rates).line }
        var options = SocketTextOptions(
            isDetailed: isDetailed, isStyled: terminal?.isStyled ?? false, width: 160, rates: rates)
        guard let terminal else {
            return Array((listing.lines(options).joined(separator: "\n") + "\n\n").utf8)
        }
        // What a terminal has that does not tell: a serial line, one without a window.
        let size = terminal.size ?? (columns: 80, rows: 24)
        options.width = size.columns
        let cut = Self.fit(listing.lines(options), size.rows).map { Self.cut($0, size.columns) }
        return Array(
            (Self.home + cut.joined(separator: Self.endOfLine) + "\u{1B}[K" + Self.below).utf8)
    }

    /// As many lines as there are rows; where some are left out, the last one says so.
    private static func fit(_ lines: [String], _ rows: Int) -> [String] {
        guard lines.count > rows else { return lines }
        return lines.prefix(rows - 1) + ["… \(lines.count - rows + 1) more lines"]
    }

    /// A line that does not wrap. Escapes take no room.
    private static func cut(_ line: String, _ columns: Int) -> String {
        var result = ""
        var used = 0
        var isEscape = false
        for character in line {
            if character == "\u{1B}" { isEscape = true }
            if !isEscape {
                if used == columns { continue }
                used += 1
            }
            result.append(character)
            if isEscape && character == "m" { isEscape = false }
        }
        return result
    }
}
