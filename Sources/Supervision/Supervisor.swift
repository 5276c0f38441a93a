import CLinux
import ConnectionPolicy
import Glibc
import Launch
import LinuxSystem
import Processes
import Reporting
import RunHistory
import RunInput
import SeccompMode
import SocketEvents
import SocketRecords

/// How `run` watches a program.
package struct SupervisorOptions: Equatable, Sendable {
    package enum Format: Sendable { case text, json }

    /// A line for each socket as it happens, on standard error.
    package var debug = false
    /// The report at the end; nil: none.
    package var report: Format?
    /// The file it goes to; nil: standard error.
    package var output: Bytes?
    /// Where a summary is kept for `check`; nil: nowhere.
    package var memory: ReportMemory?
    /// The canonical text of the rules that the kernel holds packets to; nil where there are none.
    package var packetRules: String?

    package init() {}

    /// What the command line asks for.
    package init(_ arguments: RunArguments) {
        debug = arguments.debug
        report = arguments.report ? (arguments.json ? .json : .text) : nil
        output = arguments.output
        memory = arguments.isWatched ? ReportMemory.ofThisUser() : nil
    }
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
/// - What a service manager tells or asks its own child (activation, notification, watchdog)
///   is between it and the program; see AddressedVariables and NotificationRelay.
///
/// What differs: the program's parent is we, so getppid() is another; SIGSTOP to us alone
/// stops only us; SIGCONT to the program alone does not continue us.
package enum Supervisor {
    /// Runs the program to its end and writes the report. The plan's notes have been said
    /// by whoever made it; an empty report repeats them.
    ///
    /// To be called by a process with one thread, which does nothing afterwards but
    /// `ProgramEnd.reproduce()`: descriptors are closed, signals stay blocked, children
    /// that are not ours are reaped.
    ///
    /// - Throws: what kept the program from starting; nothing is left behind then.
    package static func run(
        _ plan: LaunchPlan, options: SupervisorOptions
    ) throws(Failure) -> ProgramEnd {
        try run(plan, options, byKernel: false) { (plan, _) throws(Failure) in
            let ring = try EventRing()
            plan.setEnvironment(MPTCPIZE_ENV_RING, ring.path)
            return ring
        }
    }

    /// The same under a supervisor by seccomp, which stays as long as the program or any of its
    /// children does. Watched or not: it is nobody's child then but ours.
    package static func run(
        _ plan: LaunchPlan, options: SupervisorOptions, under seccomp: SeccompMode
    ) throws(Failure) -> ProgramEnd {
        let isWatched = options.debug || options.report != nil || options.memory != nil
        guard isWatched else {
            return try run(plan, options, byKernel: false, under: seccomp) { _, _ in NoRecords() }
        }
        return try run(plan, options, byKernel: true, under: seccomp) {
            (_, seccomp) throws(Failure) in
            let ring = try EventRing()
            seccomp?.ring = ring.path
            return ring
        }
    }

    /// The same where the kernel tells, and makes the sockets MPTCP.
    package static func run(
        _ plan: LaunchPlan, options: SupervisorOptions,
        events: consuming some EventSource & ~Copyable
    ) throws(Failure) -> ProgramEnd {
        var events = Optional(events)
        return try run(plan, options, byKernel: true) { _, _ in events.take()! }
    }

    private static func run<Source: EventSource & ~Copyable>(
        _ plan: LaunchPlan, _ options: SupervisorOptions, byKernel: Bool,
        under seccomp: SeccompMode? = nil,
        source: (inout LaunchPlan, inout SeccompMode?) throws(Failure) -> Source
    ) throws(Failure) -> ProgramEnd {
        var plan = plan
        var seccomp = seccomp
        var file: ReportFile? = nil
        if let path = options.output { file = try ReportFile(path) }
        var watch: Watch<Source>
        do throws(Failure) {
            let source = try source(&plan, &seccomp)
            let relay = NotificationRelay(&plan)
            let child = try Child(plan, under: seccomp)
            let rules = seccomp?.policy ?? plan.variable(MPTCPIZE_ENV_POLICY)?.text ?? ""
            watch = Watch(
                source: source, relay: relay, child: child, debug: options.debug,
                rules: PolicyOrigins(ofText: rules))
        } catch {
            file?.discard()
            throw error
        }
        giveUpDescriptors(
            but: watch.source.descriptors + watch.child.descriptors()
                + [STDERR_FILENO, file?.number ?? -1, watch.relay?.number ?? -1])
        let end = watch.untilTheEnd()
        guard options.report != nil || options.memory != nil else { return end }
        if byKernel { watch.findHolders() }
        var report = watch.report(plan, end)
        report.byKernel = byKernel
        report.supervisor = watch.child.supervisorCounts()
        if let text = options.packetRules { report.attribute(to: PacketRules(text)) }
        if report.wasReached {
            options.memory?.add(
                RememberedReport(report, date: UInt64(clamping: time(nil))),
                for: Bytes(cString: plan.executable))
        }
        guard let format = options.report else { return end }
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
            ReportOutput.say([
                "\(name): the report cannot be written: \(error.reason); give another file to -o"
            ])
        }
        return end
    }

    /// Closes what we have inherited.
    private static func giveUpDescriptors(but kept: [Int32]) {
        var first: Int32 = 0
        for number in kept.filter({ $0 >= 0 }).sorted() {
            if first < number { closeRange(first, number - 1) }
            first = number + 1
        }
        closeRange(first, Int32.max)
    }
}

private enum Pace {
    /// Milliseconds between two looks at the ring. A burst of 20 ms cannot fill it: that
    /// would take 1.5 million records a second.
    static let busy: Int32 = 2
    static let idle: Int32 = 20
    /// How long records are taken before the program is looked after again, in ns. The longest
    /// step of the ledger takes as long once more.
    static let look: UInt64 = 20_000_000
    /// The same when the program has ended: longer than a stuck slot is waited for.
    static let last: UInt64 = 1_000_000_000
}

/// The records being read while the program runs.
private struct Watch<Source: EventSource & ~Copyable>: ~Copyable {
    var source: Source
    var relay: NotificationRelay?
    let child: Child
    let debug: Bool
    var ledger: SocketLedger
    private var undrained: UInt32 = 0
    /// Records of the last look.
    private var taken = 0
    private var goPrograms = GoPrograms()
    private var names = ProgramNames()

    init(
        source: consuming Source, relay: consuming NotificationRelay?, child: consuming Child,
        debug: Bool, rules: PolicyOrigins
    ) {
        ledger = SocketLedger(rules: rules, isAlive: LiveSockets.isAlive)
        self.source = source
        self.relay = relay
        self.child = child
        self.debug = debug
    }

    mutating func untilTheEnd() -> ProgramEnd {
        var wait = Pace.idle
        while true {
            child.relay(waiting: wait)
            relay?.pass(for: child.pid)
            switch child.poll() {
            case .running: break
            case .stopped(let signal):
                _ = drain(for: Pace.look)
                child.stopToo(signal)
            case .ended(let end):
                relay?.passRest(for: child.pid)
                drainRest()
                return end
            }
            switch drain(for: Pace.look) {
            case .nothing: wait = source.abandonStuck() ? 0 : Pace.idle
            case .more: wait = 0
            case .all: wait = Pace.busy
            }
        }
    }

    func report(_ plan: LaunchPlan, _ end: ProgramEnd) -> SocketReport {
        SocketReport(
            command: plan.arguments, end: end,
            sockets: ledger.finish(
                main: (child.pid, end), ask: LiveSockets.patientAsker()),
            eventsDropped: source.lost + UInt64(undrained) + ledger.overflow,
            notes: plan.notes, wasReached: ledger.hasRecords,
            unreached: ledger.unreached.list, otherLibraries: ledger.otherLibraries)
    }

    /// Finds out who has the sockets that are still open: the kernel tells who made them.
    mutating func findHolders() {
        for event in source.untold { ledger.feed(event) }
        let open = ledger.unclosed
        guard !open.isEmpty else { return }
        let holders = SocketOwners.holders(of: open)
        for (inode, pid, fd) in holders {
            var record = mptcpize_event()
            record.kind = SocketEvent.Kind.inherited.rawValue
            record.pid = pid
            record.fd = fd
            record.inode = inode
            if let event = SocketEvent(record) { ledger.feed(event) }
        }
    }

    private enum Drained { case nothing, all, more }

    /// Takes records until there are none, the limit is reached or the time (in ns) is up.
    private mutating func drain(for time: UInt64, limit: Int = .max) -> Drained {
        var lines: [String] = []
        let deadline = EventRing.now() + time
        var result = Drained.nothing
        taken = 0
        ledger.beginLook()
        while true {
            if EventRing.now() >= deadline || taken >= limit {
                result = .more
                break
            }
            var news: SocketNews?
            if ledger.isBusy {
                news = ledger.work()
            } else if var event = source.take() {
                taken += 1
                event.program = names.name(for: event)
                result = .all
                if let program = event.unreached, event.kind == .unreached,
                    Installation.isCommand(program.path) || goPrograms.reaches(program)
                {
                    continue
                }
                news = ledger.feed(event)
            } else {
                break
            }
            if debug, let news { lines += news.lines }
        }
        ReportOutput.say(lines)
        return result
    }

    /// Takes what was in the ring when the program ended. Its children may go on writing.
    private mutating func drainRest() {
        var left = min(Int(source.pending), Int(MPTCPIZE_RING_SLOTS))
        let deadline = EventRing.now() + Pace.last
        while left > 0 || ledger.isBusy {
            let now = EventRing.now()
            if now >= deadline { break }
            _ = drain(for: deadline - now, limit: max(left, 1))
            left = max(0, left - taken)
            if taken > 0 || left == 0 { continue }
            if source.abandonStuck() {
                left -= 1
                continue
            }
            usleep(1000)
        }
        undrained = UInt32(left) + (ledger.isBusy ? 1 : 0)
    }
}
