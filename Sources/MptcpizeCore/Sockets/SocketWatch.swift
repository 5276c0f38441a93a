import CLinux
import Glibc

/// `sockets --watch`: draws a listing again and again, with rates, until a signal ends it.
///
/// On a terminal it uses the alternate screen, so that what was there before comes back.
/// The signals are blocked and waited for: nothing happens between two of its own steps.
public struct SocketWatch: Sendable {
    private let query: SocketQuery
    private let interval: Duration
    private let isJSON: Bool
    private let isDetailed: Bool

    public init(query: SocketQuery, interval: Duration, isJSON: Bool, isDetailed: Bool) {
        self.query = query
        self.interval = interval
        self.isJSON = isJSON
        self.isDetailed = isDetailed
    }

    // ECMA-48 and xterm's private modes: the alternate screen with the cursor saved, the
    // cursor hidden; home, erase to the end of the line, erase what is below.
    private static let enter = "\u{1B}[?1049h\u{1B}[?25l"
    private static let leave = "\u{1B}[?25h\u{1B}[?1049l"
    private static let home = "\u{1B}[H"
    private static let endOfLine = "\u{1B}[K\r\n"
    private static let below = "\u{1B}[J"

    /// Returns after SIGINT, SIGTERM or SIGHUP, or when nobody reads any more.
    public func run() throws(Failure) {
        var signals = sigset_t()
        var before = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGPIPE] {
            sigaddset(&signals, signal)
        }
        sigprocmask(SIG_BLOCK, &signals, &before)
        defer { sigprocmask(SIG_SETMASK, &before, nil) }
        let terminal = Terminal(STDOUT_FILENO)
        let isDrawing = terminal.isTerminal && !isJSON
        if isDrawing { try? writeAll(Self.enter.utf8, to: STDOUT_FILENO) }
        defer { if isDrawing { try? writeAll(Self.leave.utf8, to: STDOUT_FILENO) } }
        try loop(signals, on: isDrawing ? terminal : nil)
    }

    private func loop(_ signals: sigset_t, on terminal: Terminal?) throws(Failure) {
        let clock = ContinuousClock()
        var listing = try query.run()
        var rates: SocketRates?
        var listed = clock.now
        while true {
            do throws(Errno) {
                try writeAll(frame(listing, rates, on: terminal), to: STDOUT_FILENO)
            } catch {
                return
            }
            // A resized window is redrawn at once, from what is known.
            guard let ending = wait(until: listed + interval, clock, signals) else { continue }
            if ending { return }
            let next = try query.run()
            let now = clock.now
            rates = SocketRates(from: listing, to: next, elapsed: now - listed)
            listing = next
            listed = now
        }
    }

    /// Waits for the time or a signal: true when it is to end, false when the time has come,
    /// nil when the window has changed.
    private func wait(
        until end: ContinuousClock.Instant, _ clock: ContinuousClock, _ signals: sigset_t
    ) -> Bool? {
        let (seconds, attoseconds) = max(end - clock.now, .zero).components
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        var signal = clinux_signal()
        var signals = signals
        guard clinux_wait_signal(&signals, Int32(milliseconds), &signal) else { return false }
        return signal.number == SIGWINCH ? nil : true
    }

    private func frame(
        _ listing: SocketListing, _ rates: SocketRates?, on terminal: Terminal?
    ) -> [UInt8] {
        // Always with the columns, so that the table does not jump on the second frame.
        let rates = rates ?? SocketRates(from: listing, to: SocketListing(), elapsed: .seconds(1))
        if isJSON { return listing.json(rates: rates).line }
        let size = terminal?.size
        let options = SocketTextOptions(
            isDetailed: isDetailed, isStyled: terminal?.isStyled ?? false,
            width: size?.columns ?? 160, rates: rates)
        let lines = listing.lines(options)
        guard let size else { return Array((lines.joined(separator: "\n") + "\n\n").utf8) }
        let cut = Self.fit(lines, size.rows).map { Self.cut($0, size.columns) }
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
