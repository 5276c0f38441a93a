import CLinux
import Glibc
import Launch
import LinuxSystem

/// The program as a child process, while it runs.
struct Child: ~Copyable {
    enum State: Equatable {
        case running
        case stopped(Int32)
        case ended(ProgramEnd)
    }

    let pid: pid_t
    private let isSessionLeader = getsid(0) == getpid()

    /// Starts it. From now on all signals are blocked in this thread.
    ///
    /// - Throws: 126 or 127 when exec refuses it, 125 when there can be no more processes.
    init(_ plan: LaunchPlan) throws(Failure) {
        var original = sigset_t()
        var all = Self.allSignals
        sigprocmask(SIG_BLOCK, &all, &original)
        var execFailed = false
        var (child, error) = Self.spawn(plan, &original, &execFailed)
        if execFailed, error.rawValue == ENOEXEC, let shell = plan.throughShell {
            (child, error) = Self.spawn(shell, &original, &execFailed)
        }
        guard child > 0 else {
            sigprocmask(SIG_SETMASK, &original, nil)
            if execFailed { throw plan.failure(error) }
            throw Failure(
                .own, Bytes(cString: plan.executable).text, "no process for it: \(error.reason)")
        }
        pid = child
    }

    private static func spawn(
        _ plan: LaunchPlan, _ mask: inout sigset_t, _ execFailed: inout Bool
    ) -> (child: pid_t, error: Errno) {
        let variables = AddressedVariables(plan.environment)
        return withCStrings(plan.arguments) { arguments in
            withCStrings(variables.environment) { environment in
                func places(_ list: [(entry: Int, offset: Int)]) -> [UnsafeMutablePointer<CChar>?] {
                    list.map { environment[$0.entry]! + $0.offset } + [nil]
                }
                let child = plan.executable.withUnsafeBufferPointer { path in
                    places(variables.pids).withUnsafeBufferPointer { pids in
                        places(variables.pidfds).withUnsafeBufferPointer { pidfds in
                            withUnsafePointer(to: &mask) { mask in
                                var program = clinux_program(
                                    path: path.baseAddress, arguments: arguments,
                                    environment: environment, mask: mask,
                                    own_pids: pids.baseAddress, own_pidfds: pidfds.baseAddress)
                                return clinux_spawn(&program, &execFailed)
                            }
                        }
                    }
                }
                return (child, Errno.last)
            }
        }
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
        while true {
            var status: Int32 = 0
            let child = waitpid(-1, &status, WNOHANG | WUNTRACED)
            if child == 0 || (child < 0 && errno != EINTR) { return .running }
            guard child == pid else { continue }
            // wait(2)'s status, whose macros Swift does not see.
            let signal = status & 0x7f
            if signal == 0x7f { return .stopped((status >> 8) & 0xff) }
            return .ended(signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal))
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
        var change = siginfo_t()
        guard waitid(P_PID, id_t(pid), &change, WCONTINUED | WNOHANG) == 0, change.si_signo != 0
        else { return }
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

    /// argv or environ, valid during the call.
    private static func withCStrings<Result>(
        _ strings: [[CChar]], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        let pointers = strings.map { string in
            string.withUnsafeBufferPointer { strdup($0.baseAddress!) }
        }
        defer { for pointer in pointers { free(pointer) } }
        return (pointers + [nil]).withUnsafeBufferPointer { body($0.baseAddress!) }
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
