import CLinux
import Glibc
import Launch
import LinuxSystem
import Reporting
import SeccompMode
import SeccompSupervisor

/// The program as a child process, while it runs.
struct Child: ~Copyable {
    enum State: Equatable {
        case running
        case stopped(Int32)
        case ended(ProgramEnd)
    }

    let pid: pid_t
    /// Where its changes are told, if another process of ours is its parent.
    private let told: StartedProgram?
    private let isSessionLeader = getsid(0) == getpid()

    /// Starts it. From now on all signals are blocked in this thread.
    ///
    /// - Throws: 126 or 127 when exec refuses it, 125 when there can be no more processes.
    /// - Parameter seccomp: under which supervisor; nil: none.
    init(_ plan: LaunchPlan, under seccomp: SeccompMode? = nil) throws(Failure) {
        var original = sigset_t()
        var all = Self.allSignals
        sigprocmask(SIG_BLOCK, &all, &original)
        do throws(Failure) {
            guard let seccomp else {
                pid = try Self.spawn(plan, &original)
                told = nil
                return
            }
            let started = try Self.spawn(plan, &original, under: seccomp)
            pid = started.pid
            told = consume started
        } catch {
            sigprocmask(SIG_SETMASK, &original, nil)
            throw error
        }
    }

    private static func spawn(
        _ plan: LaunchPlan, _ mask: inout sigset_t
    ) throws(Failure) -> pid_t {
        var execFailed = false
        var error = Errno(rawValue: 0)
        func spawn(_ plan: LaunchPlan) throws(Failure) -> pid_t {
            try withProgram(plan, &mask) { (program) throws(Failure) in
                let child = clinux_spawn(&program, &execFailed)
                error = Errno.last
                return child
            }
        }
        var child = try spawn(plan)
        if execFailed, error.rawValue == ENOEXEC, let shell = plan.throughShell {
            child = try spawn(shell)
        }
        guard child > 0 else {
            if execFailed { throw plan.failure(error) }
            throw Failure(
                .own, Bytes(cString: plan.executable).text,
                "cannot start a process: \(error.reason)", remedy: error.remedyOfLimit)
        }
        return child
    }

    private static func spawn(
        _ plan: LaunchPlan, _ mask: inout sigset_t, under seccomp: SeccompMode
    ) throws(Failure) -> StartedProgram {
        var refusal = Errno(rawValue: 0)
        var started = try withProgram(plan, &mask) { (program) throws(Failure) in
            try seccomp.start(&program, refusal: &refusal)
        }
        if started == nil, refusal.rawValue == ENOEXEC, let shell = plan.throughShell {
            started = try withProgram(shell, &mask) { (program) throws(Failure) in
                try seccomp.start(&program, refusal: &refusal)
            }
        }
        guard let started else { throw plan.failure(refusal) }
        return started
    }

    /// The plan as C has it, valid during the call.
    private static func withProgram<Result: ~Copyable>(
        _ plan: LaunchPlan, _ mask: inout sigset_t,
        _ body: (inout clinux_program) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let variables = AddressedVariables(plan.environment)
        let path = copies([plan.executable])
        let arguments = copies(plan.arguments)
        let environment = copies(variables.environment)
        let pids = pointers(variables.pids.map { environment[$0.entry]! + $0.offset })
        let pidfds = pointers(variables.pidfds.map { environment[$0.entry]! + $0.offset })
        defer {
            for list in [path, arguments, environment] {
                var next = list
                while let string = next.pointee {
                    free(string)
                    next += 1
                }
            }
            for list in [path, arguments, environment, pids, pidfds] { list.deallocate() }
        }
        var copy = mask
        func call(_ mask: UnsafePointer<sigset_t>) throws(Failure) -> Result {
            var program = clinux_program(
                path: path[0], arguments: arguments, environment: environment, mask: mask,
                own_pids: pids, own_pidfds: pidfds)
            return try body(&program)
        }
        return try call(&copy)
    }

    /// Pointers as C lists them: a NULL behind the last.
    private static func pointers(
        _ list: [UnsafeMutablePointer<CChar>?]
    ) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
        let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
            capacity: list.count + 1)
        for (index, pointer) in list.enumerated() { pointers[index] = pointer }
        pointers[list.count] = nil
        return pointers
    }

    /// argv or environ.
    private static func copies(
        _ strings: [[CChar]]
    ) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
        pointers(
            strings.map { string in
                string.withUnsafeBufferPointer { strdup($0.baseAddress!) }
            })
    }

    /// Takes the next signal sent to us, for at most this long, and passes it on if it is
    /// for the program.
    borrowing func relay(waiting milliseconds: Int32) {
        var all = Self.allSignals
        var signal = clinux_signal()
        var wait = milliseconds
        while clinux_wait_signal(&all, wait, &signal) {
            wait = 0
            if SignalRelay.isForProgram(signal, program: pid, isSessionLeader: isSessionLeader) {
                SignalRelay.pass(signal, to: pid)
            }
        }
    }

    /// What it does now. Children of other origin are reaped: as PID 1, or having been
    /// exec'd by a process with children, we have some.
    borrowing func poll() -> State {
        var told = self.told?.next() ?? .nothing
        while told.isStatus {
            if told.status != Self.continued { return Self.state(told.status) }
            told = self.told?.next() ?? .nothing
        }
        while true {
            var status: Int32 = 0
            let child = waitpid(-1, &status, WNOHANG | WUNTRACED)
            // Whoever was to tell has been killed, and the program has ended before.
            if child < 0, errno == ECHILD, told.isGone { return .ended(.exited(125)) }
            if child == 0 || (child < 0 && errno != EINTR) { return .running }
            if child == pid { return Self.state(status) }
        }
    }

    /// What wait(2) tells of a process that has been continued.
    private static let continued: Int32 = 0xffff

    /// wait(2)'s status, whose macros Swift does not see.
    private static func state(_ status: Int32) -> State {
        let signal = status & 0x7f
        if signal == 0x7f { return .stopped((status >> 8) & 0xff) }
        return .ended(signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal))
    }

    /// The descriptors that it needs.
    borrowing func descriptors() -> [Int32] {
        switch told {
        case .some(let told): told.numbers
        case .none: []
        }
    }

    /// What the supervisor has done so far; nil where there is none.
    borrowing func supervisorCounts() -> SupervisorCounts? {
        switch told {
        case .some(let told):
            var counts = SupervisorCounts()
            counts.calls = told.count(SECCOMP_CALLS)
            counts.socketsMPTCP = told.count(SECCOMP_SOCKETS_MPTCP)
            counts.socketsTCP = told.count(SECCOMP_SOCKETS_TCP)
            counts.socketsReplaced = told.count(SECCOMP_SOCKETS_REPLACED)
            counts.optionsIgnored = told.count(SECCOMP_OPTIONS_IGNORED)
            counts.optionsAdjusted = told.count(SECCOMP_OPTIONS_ADJUSTED)
            counts.optionsRefused = told.count(SECCOMP_OPTIONS_REFUSED)
            counts.optionsAnswered = told.count(SECCOMP_OPTIONS_ANSWERED)
            return counts
        case .none: return nil
        }
    }

    /// Stops us as the program was stopped, unless it is to go on already.
    borrowing func stopToo(_ signal: Int32) {
        defer { keepContinuation() }
        var pending = sigset_t()
        sigpending(&pending)
        if sigismember(&pending, SIGCONT) == 1 { return }
        if signal == SIGSTOP {
            raise(SIGSTOP)
            return
        }
        var standard = sigaction()
        standard.__sigaction_handler.sa_handler = SIG_DFL
        var former = sigaction()
        sigaction(signal, &standard, &former)
        raise(signal)
        var only = sigset_t()
        sigemptyset(&only)
        sigaddset(&only, signal)
        sigprocmask(SIG_UNBLOCK, &only, nil)
        // Here we are stopped, and then continued.
        sigprocmask(SIG_BLOCK, &only, nil)
        sigaction(signal, &former, nil)
    }

    /// A SIGCONT that has continued the program too was sent to the whole group, as `fg` does:
    /// it is not passed on. One for us alone is.
    private borrowing func keepContinuation() {
        if isToldOfContinuation() { return takeContinuation() }
        var change = siginfo_t()
        guard waitid(P_PID, id_t(pid), &change, WCONTINUED | WNOHANG) == 0, change.si_signo != 0
        else { return }
        takeContinuation()
    }

    private borrowing func isToldOfContinuation() -> Bool {
        switch told {
        case .some(let told):
            told.wait(milliseconds: 50)  // its parent has to see it first
            return told.next().status == Self.continued
        case .none: return false
        }
    }

    private borrowing func takeContinuation() {
        var only = sigset_t()
        sigemptyset(&only)
        sigaddset(&only, SIGCONT)
        var signal = clinux_signal()
        _ = clinux_wait_signal(&only, 0, &signal)
    }

    private static var allSignals: sigset_t {
        var all = sigset_t()
        sigfillset(&all)
        return all
    }
}

extension ProgramEnd {
    /// Ends this process as the program ended: for its parent, there is no difference.
    package func reproduce() -> Never {
        switch self {
        case .exited(let code): exit(code)
        case .signalled(let signal):
            // The program has dumped its core, if anyone: ours is of no interest. The limit
            // is for files; a core_pattern with a pipe asks whether we are dumpable.
            var none = rlimit(rlim_cur: 0, rlim_max: 0)
            setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
            clinux_set_not_dumpable()
            Glibc.signal(signal, SIG_DFL)
            var only = sigset_t()
            sigemptyset(&only)
            sigaddset(&only, signal)
            raise(signal)
            sigprocmask(SIG_UNBLOCK, &only, nil)
            exit(128 + signal)  // as a shell calls it; only when the signal does not kill us
        }
    }
}
