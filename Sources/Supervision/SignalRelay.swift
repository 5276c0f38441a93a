import CLinux
import Glibc
import LinuxSystem

/// Decides which signals of the supervisor are meant for the program.
///
/// The supervisor is in the program's process group, so signals to the group have already reached
/// the program:
///
/// - The kernel's signals (SI_KERNEL) are a terminal's keys and hang-up, sent to the foreground
///   group. Two come only to the supervisor: the hang-up of a session leader, and an alarm that was
///   set before its exec (alarm(2) outlives exec, not fork).
/// - A process's signals (SI_USER, SI_QUEUE) are passed on: kill(1), timeout(1), service managers and
///   shells without job control mean one process. Nothing shows that a signal was sent to the whole
///   group (`kill %1`): the program gets it twice. Signals of the program and its children, such as
///   `kill 0` in a script, are not passed on.
enum SignalRelay {
    static func isForProgram(
        _ signal: clinux_signal, program: pid_t, isSessionLeader: Bool
    ) -> Bool {
        if signal.number == SIGCHLD { return false }
        switch Int(signal.code) {
        case SI_USER, SI_QUEUE, SI_TKILL:
            // Our own: SIGPIPE for the report.
            if signal.sender == getpid() { return false }
            return signal.sender == 0 || !descends(signal.sender, from: program)
        case SI_KERNEL:
            if signal.number == SIGALRM { return true }
            return isSessionLeader && [SIGHUP, SIGCONT].contains(signal.number)
        default: return false
        }
    }

    static func pass(_ signal: clinux_signal, to program: pid_t) {
        if signal.code == Int32(SI_QUEUE) {
            sigqueue(program, signal.number, signal.value)
        } else {
            kill(program, signal.number)
        }
    }

    /// Whether a process is the program or a child of its children.
    private static func descends(_ pid: pid_t, from program: pid_t) -> Bool {
        var current = pid
        // Bounded: the tree changes while we climb.
        for _ in 0..<64 {
            if current == program { return true }
            guard current > 1, let parent = parent(of: current) else { return false }
            current = parent
        }
        return false
    }

    private static func parent(of pid: pid_t) -> pid_t? {
        guard let file = try? Descriptor.open("/proc/\(pid)/stat", O_RDONLY) else { return nil }
        var buffer = [UInt8](repeating: 0, count: 512)
        let size = read(file.number, &buffer, buffer.count)
        // "pid (comm) S ppid …"; the name may hold anything, parentheses too.
        guard size > 0, let end = buffer[..<size].lastIndex(of: UInt8(ascii: ")")) else {
            return nil
        }
        let fields = buffer[(end + 1)..<size].split(separator: UInt8(ascii: " "))
        return fields.count > 1 ? pid_t(String(decoding: fields[1], as: UTF8.self)) : nil
    }
}
