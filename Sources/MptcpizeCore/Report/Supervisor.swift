import CLinux
import Glibc
import SocketEvents

/// How `run` watches a program.
public struct SupervisorOptions: Equatable, Sendable {
    public enum Format: Sendable { case text, json }

    /// A line for each socket as it happens, on standard error.
    public var debug = false
    /// The report at the end; nil: none.
    public var report: Format?
    /// The file it goes to; nil: standard error.
    public var output: Bytes?

    public init() {}
}

/// Starts a program and stays its parent until it ends, to read what its sockets become.
///
/// For the program and for whoever started us, it must be as if we were not there:
///
/// - The program is in our process group, so a terminal's keys reach both of us by
///   themselves. All signals are blocked here and taken one by one; see SignalRelay for
///   what is passed on. When the program stops, so do we, with the same signal, so that
///   the shell takes the terminal back; `fg` and `bg` continue the whole group.
/// - It is killed when we are (PR_SET_PDEATHSIG): only a SIGKILL can do that.
/// - We hold no descriptor of it but standard error: with our copy of a pipe closed, its
///   peers see the end of file when the program means it.
/// - Its exit status is ours, and so is the signal that ends it.
///
/// What differs: the program's parent is we, so getppid() is another; SIGSTOP to us alone
/// stops only us; SIGCONT to the program alone does not continue us.
public enum Supervisor {
    /// Runs the program to its end and writes the report. The plan's notes have been said
    /// by whoever made it; an empty report repeats them.
    ///
    /// To be called by a process with one thread, which does nothing afterwards but
    /// `ProgramEnd.reproduce()`: descriptors are closed, signals stay blocked, children
    /// that are not ours are reaped.
    ///
    /// - Throws: what kept the program from starting; nothing is left behind then.
    public static func run(
        _ plan: LaunchPlan, options: SupervisorOptions
    ) throws(Failure) -> ProgramEnd {
        var plan = plan
        var file: ReportFile? = nil
        if let path = options.output { file = try ReportFile(path) }
        var watch: Watch
        do throws(Failure) {
            let ring = try EventRing()
            plan.setEnvironment(MPTCPIZE_ENV_RING, ring.path)
            let child = try Child(plan)
            watch = Watch(ring: ring, child: child, debug: options.debug)
        } catch {
            file?.discard()
            throw error
        }
        giveUpDescriptors(but: [STDERR_FILENO, watch.ring.descriptor, file?.number ?? -1])
        let end = watch.untilTheEnd()
        guard let format = options.report else { return end }
        let report = watch.report(plan, end)
        let styled = file == nil && ReportOutput.isStyled
        let bytes: [UInt8] =
            switch format {
            case .json: report.json.text
            case .text: Array(report.lines(styled: styled).map { $0 + "\n" }.joined().utf8)
            }
        do throws(Errno) {
            if let file { try file.write(bytes) } else { try writeAll(bytes, to: STDERR_FILENO) }
        } catch {
            let name = options.output?.text ?? "standard error"
            ReportOutput.say(["\(name): the report cannot be written: \(error.reason)"])
        }
        return end
    }

    /// Closes what we have inherited. Where the kernel cannot close ranges (Linux < 5.9),
    /// numbers up to the limit are closed one by one.
    private static func giveUpDescriptors(but kept: [Int32]) {
        var first: Int32 = 0
        for number in kept.filter({ $0 >= 0 }).sorted() {
            if first < number { closeRange(first, number - 1) }
            first = number + 1
        }
        closeRange(first, Int32.max)
    }

    private static func closeRange(_ first: Int32, _ last: Int32) {
        if clinux_close_range(UInt32(first), UInt32(last)) == 0 { return }
        let limit = Int32(clamping: sysconf(Int32(_SC_OPEN_MAX)))
        for number in first..<max(first, min(last, limit)) { close(number) }
    }
}

/// The ring being read while the program runs.
private struct Watch: ~Copyable {
    var ring: EventRing
    let child: Child
    let debug: Bool
    var ledger = SocketLedger(isAlive: LiveSockets.isAlive)
    private var undrained: UInt32 = 0

    /// Milliseconds between two looks at the ring. A burst of 20 ms cannot fill it: that
    /// would take 1.6 million records a second.
    private static let busy: Int32 = 2
    private static let idle: Int32 = 20
    /// Records taken before the program is looked after again.
    private static let batch = 4096

    init(ring: consuming EventRing, child: consuming Child, debug: Bool) {
        self.ring = ring
        self.child = child
        self.debug = debug
    }

    mutating func untilTheEnd() -> ProgramEnd {
        var wait = Self.idle
        while true {
            child.relay(waiting: wait)
            switch child.poll() {
            case .running: break
            case .stopped(let signal):
                _ = drain(Self.batch)
                child.stopToo(signal)
            case .ended(let end):
                drainRest()
                return end
            }
            switch drain(Self.batch) {
            case 0: wait = ring.abandonStuck() ? 0 : Self.idle
            case Self.batch: wait = 0
            default: wait = Self.busy
            }
        }
    }

    func report(_ plan: LaunchPlan, _ end: ProgramEnd) -> SocketReport {
        SocketReport(
            command: plan.arguments, end: end,
            sockets: ledger.finish(
                main: (child.pid, end), ask: LiveSockets.askerThatRemembersTheDead()),
            eventsDropped: UInt64(ring.dropped) + UInt64(undrained) + ring.garbage
                + ledger.overflow,
            notes: plan.notes, wasReached: ledger.hasRecords)
    }

    /// Takes records until there are none or the limit is reached; tells how many.
    private mutating func drain(_ limit: Int) -> Int {
        var lines: [String] = []
        var count = 0
        while count < limit, let event = ring.take() {
            count += 1
            let news = ledger.feed(event)
            if debug, let news { lines += news.lines }
        }
        ReportOutput.say(lines)
        return count
    }

    /// Takes what was in the ring when the program ended. Its children may go on writing.
    private mutating func drainRest() {
        var left = min(Int(ring.pending), Int(MPTCPIZE_RING_SLOTS))
        // Longer than a stuck slot is waited for.
        let deadline = EventRing.now() + 250_000_000
        while left > 0 {
            let count = drain(left)
            left -= count
            if count > 0 || left == 0 { continue }
            if ring.abandonStuck() {
                left -= 1
                continue
            }
            if EventRing.now() > deadline { break }
            usleep(1000)
        }
        undrained = UInt32(max(0, left))
    }
}
