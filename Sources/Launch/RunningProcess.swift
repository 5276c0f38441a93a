import Glibc
import LinuxSystem

/// A process, and whether what `LaunchEnvironment` puts into a program's environment has
/// reached it.
package struct RunningProcess: Sendable, Equatable {
    /// How its sockets become MPTCP.
    package enum Reach: String, Sendable {
        /// The preload library is mapped.
        case preload
        /// A Go program that was started with GODEBUG=multipathtcp=1.
        case godebug
        /// Its cgroup is attached to the kernel's hook.
        case bpf
        /// Started before `enable`, or by something that drops LD_PRELOAD.
        case none
        /// /proc does not say: not ours to look at, or just ended.
        case unknown
    }

    package let pid: Int32
    package let program: String
    package var reach: Reach
    /// What /proc shows of it; nil where it does not.
    package let evidence: ProcessEvidence?
    /// Whether it has become what it is going to be: its program waits for something, or has
    /// worked for a while. Before, it may be systemd's child that has yet to start the
    /// program, or a script that is about to.
    package let isSettled: Bool

    /// - Returns: nil for a process that has ended.
    package init?(pid: Int32) {
        self.pid = pid
        // Before the rest: what is seen later is of the same program, or of the next one.
        isSettled = Self.isSettled(pid)
        let comm = (try? contents(ofFile: "/proc/\(pid)/comm")) ?? []
        program = String(decoding: comm.prefix { $0 != 0x0A }, as: UTF8.self)
        do throws(Errno) {
            let evidence = try ProcessEvidence(of: pid)
            self.evidence = evidence
            reach = evidence.reach
        } catch {
            if Self.isGone(error) { return nil }
            evidence = nil
            reach = .unknown
        }
    }

    /// One that is told of.
    package init(pid: Int32, program: String, reach: Reach) {
        self.pid = pid
        self.program = program
        self.reach = reach
        evidence = nil
        isSettled = true
    }

    /// Whether a process is no more, or about to be.
    package static func hasEnded(_ pid: Int32) -> Bool {
        do throws(Errno) {
            _ = try maps(pid)
            return false
        } catch {
            return isGone(error)
        }
    }

    /// - Throws: ESRCH too where it has no memory any more, which it gives up before its number.
    private static func maps(_ pid: Int32) throws(Errno) -> Bytes {
        let result = try contents(ofFile: "/proc/\(pid)/maps")
        if result.isEmpty { throw Errno(rawValue: ESRCH) }
        return result
    }

    private static func isGone(_ error: Errno) -> Bool { [ENOENT, ESRCH].contains(error.rawValue) }

    private static func isSettled(_ pid: Int32) -> Bool {
        let program = linkTarget("/proc/\(pid)/exe")?.split(separator: "/").last
        if let program, ["systemd", "systemd-executor"].contains(program) { return false }
        // proc_pid_stat(5), from the third field on: the second may hold anything.
        let stat = (try? contents(ofFile: "/proc/\(pid)/stat")) ?? []
        let fields =
            String(decoding: stat, as: UTF8.self).split(separator: ")").last?
            .split(separator: " ") ?? []
        guard fields.count > 12, let user = Int(fields[11]), let kernel = Int(fields[12]) else {
            return false
        }
        // Time of the processor, so that a busy machine's clock does not count.
        let hasWorked = user + kernel > sysconf(Int32(_SC_CLK_TCK))
        return hasWorked || !["R", "D"].contains(fields[0])
    }
}

extension ProcessEvidence {
    fileprivate var reach: RunningProcess.Reach {
        // Go makes its system calls itself, whatever is mapped.
        if let go = image?.go { return go.knowsMultipath && goMultipath == true ? .godebug : .none }
        // With AT_SECURE the library does nothing, however it came in.
        return mapping == .executable && isSecure != true ? .preload : .none
    }
}
