import CLinux
import Glibc
import KernelProbe
import LinuxSystem
import SeccompSupervisor

/// The way in by seccomp user notification: a filter of the program sends the calls that matter to a
/// supervisor, which makes the sockets and mends the options.
///
/// It does not use ptrace, which stops every system call, and which a program cannot have twice. It
/// is not a second preload library, because static programs load none.
package struct SeccompMode: Sendable {
    /// No remedies: what the kernel refuses, the program is told.
    private let strict: Bool
    /// For each line of the option table, the errno of this kernel's refusal; 0: none.
    private let refusals: [Int16]
    /// For each line, whether TCP does not know it either.
    private let unknown: [Bool]
    /// Whether MPTCP connections stand still here unless this is prevented.
    private let stalls: Bool
    /// The path of the ring that records go to; nil: none are made.
    package var ring: String?
    /// The rules for what stays TCP, in the canonical text; nil: there are none.
    package let policy: String?

    /// Asks the kernel about every option. To be called by a process with one thread.
    ///
    /// - Throws: what keeps programs from being supervised here, as our own failure (125).
    package init(strict: Bool, policy: String?) throws(Failure) {
        try Self.requireKernel()
        try Self.requireRights()
        self.strict = strict
        self.policy = policy
        let rows: [OptionTable.Row]
        do throws(Errno) {
            rows = try MPTCPFamilies.whereMPTCPIsOn { OptionTable.probe() }
        } catch {
            // No namespace to try it in. Sockets are TCP as long as MPTCP is off.
            rows = OptionTable.probe()
        }
        refusals = rows.map {
            if case .refused(let error) = $0.answer { Int16(error.rawValue) } else { 0 }
        }
        unknown = rows.map { $0.answer == .unknownToTCP }
        stalls = !strict && StallProbe.hasFault
    }

    private static func requireKernel() throws(Failure) {
        guard !seccomp_supervisor_is_known() else { return }
        throw SeccompRefusal.failure(Errno.last)
    }

    /// The supervisor looks into the program's processes, and so has to be allowed to.
    private static func requireRights() throws(Failure) {
        guard seccomp_supervisor_has_proc() else {
            throw Failure(
                .own, "/proc", "is not that of this PID namespace, and the seccomp mode needs it",
                remedy: "mount -t proc proc /proc, or use --mode preload")
        }
        let name = "kernel.yama.ptrace_scope"
        let file = "/proc/sys/kernel/yama/ptrace_scope"
        guard let text = try? lines(ofFile: file).first, let scope = Int(text), scope > 1,
            geteuid() != 0 || scope > 2
        else { return }
        throw Failure(
            .own, name,
            "\(scope) forbids the supervisor to read the program's sockets",
            remedy: "sysctl \(name)=1 as root, or use --mode preload")
    }

    /// Starts a program under a supervisor.
    ///
    /// - Parameter refusal: exec's errno.
    /// - Returns: nil where exec refused it.
    /// - Throws: what else kept it from starting.
    package func start(
        _ program: inout clinux_program, refusal: inout Errno
    ) throws(Failure) -> StartedProgram? {
        var start = seccomp_start()
        refusals.withUnsafeBufferPointer { refusals in
            unknown.withUnsafeBufferPointer { unknown in
                (ring ?? "").withCString { ring in
                    (policy ?? "").withCString { policy in
                        var supervision = seccomp_supervision(
                            refusals: refusals.baseAddress, unknown: unknown.baseAddress,
                            strict: strict, stalls: stalls, ring: self.ring == nil ? nil : ring,
                            policy: self.policy == nil ? nil : policy)
                        seccomp_supervisor_start(&program, &supervision, &start)
                    }
                }
            }
        }
        let error = Errno(rawValue: start.error)
        guard start.program < 0 else {
            return StartedProgram(start)
        }
        switch start.stage {
        case SECCOMP_STAGE_EXEC:
            refusal = error
            return nil
        case SECCOMP_STAGE_FILTER: throw SeccompRefusal.failure(error)
        case SECCOMP_STAGE_KERNEL: throw SeccompRefusal.tooOld
        default:
            guard start.error == 0 else {
                throw Failure(
                    .own, "seccomp", "cannot start the supervisor: \(error.reason)",
                    remedy: error.remedyOfLimit)
            }
            throw Failure(
                .own, "seccomp", "a process of the supervisor was killed while it started",
                remedy: "start the program again")
        }
    }
}

/// A program that runs under a supervisor.
package struct StartedProgram: ~Copyable {
    package let pid: pid_t
    private let states: Descriptor
    /// Of its filter, and what goes with it. Closed by whoever is to answer in the end.
    private let listener: Int32
    private let memory: UnsafeMutableRawPointer?

    init(_ start: seccomp_start) {
        pid = start.program
        states = Descriptor(owning: start.states)
        listener = start.listener
        memory = start.memory
    }

    /// What the supervisor has done so far.
    package borrowing func count(_ which: seccomp_count) -> UInt64 {
        memory.map { seccomp_supervisor_count($0, which) } ?? 0
    }

    /// The descriptors that it needs.
    package var numbers: [Int32] { [states.number, listener] }

    /// The next change of its state, as wait(2) tells it, without waiting for one.
    package borrowing func next() -> Change {
        var status: Int32 = 0
        let size = read(states.number, &status, MemoryLayout<Int32>.size)
        if size == 0 { seccomp_supervisor_stand_in(listener, memory) }
        return Change(size: size, status: status)
    }

    /// What `next` tells. (No enum that can be compared: what conforms to a protocol makes every
    /// start of mptcpize longer.)
    package struct Change {
        let size: Int
        package let status: Int32

        /// There is none yet.
        package static var nothing: Change { Change(size: -1, status: 0) }
        package var isStatus: Bool { size == MemoryLayout<Int32>.size }
        /// Nobody is left to tell.
        package var isGone: Bool { size == 0 }
    }

    /// Waits for a change for a moment.
    package borrowing func wait(milliseconds: Int32) {
        var request = pollfd(fd: states.number, events: Int16(POLLIN), revents: 0)
        _ = poll(&request, 1, milliseconds)
    }
}
