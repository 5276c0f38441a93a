import CLinux
import Glibc
import LinuxSystem
import Processes
import Reporting
import SocketPolicy
import SocketRecords
import SocketValues

/// Asks the kernel about processes and the sockets they have open.
package enum LiveSockets {
    /// Whether a process lives. A zombie does not: its descriptors are closed.
    package static func isAlive(_ pid: Int32) -> Bool {
        do throws(Errno) {
            let process = Descriptor(owning: try retrying { clinux_pidfd_open(pid) })
            // A pidfd is readable once its process has ended (Linux >= 5.3).
            var poll = pollfd(fd: process.number, events: Int16(POLLIN), revents: 0)
            return Glibc.poll(&poll, 1, 0) == 0
        } catch {
            return error.rawValue != ESRCH && kill(pid, 0) == 0
        }
    }

    /// What the kernel says of the socket that a process has open as `fd`, if that is still
    /// the one with this inode number (0: any). Needs Linux 5.6 and ptrace's rights over the process.
    package static func ask(_ pid: Int32, _ fd: Int32, _ inode: UInt64) -> LiveAnswer {
        do throws(Errno) {
            let socket = try BorrowedSocket(of: pid, fd, inode)
            return answer(socket.descriptor.number).map { .answer($0) } ?? .closed
        } catch {
            switch error.rawValue {
            case ESRCH: return .gone
            case EBADF: return .closed
            default: return .refused(error)
            }
        }
    }

    /// The same, asking about each dead process only once: a server that forks for each
    /// connection leaves many; and nobody after some seconds, when whoever waits for the report
    /// has waited long enough.
    package static func patientAsker() -> SocketLedger.Ask {
        var dead: Set<Int32> = []
        let deadline = EventRing.now() + 3_000_000_000
        return { pid, fd, inode in
            if dead.contains(pid) { return .gone }
            if EventRing.now() > deadline { return .notAsked }
            if !isAlive(pid) {
                dead.insert(pid)
                return .gone
            }
            return ask(pid, fd, inode)
        }
    }

    /// Nil for what is no TCP or MPTCP socket.
    private static func answer(_ socket: Int32) -> WireAnswer? {
        var kernel = mptcpize_kernel(getsockopt: clinux_getsockopt, ioctl: clinux_ioctl)
        var answer = mptcpize_answer()
        guard mptcpize_wire_answer(socket, &kernel, &answer) else { return nil }
        return WireAnswer(
            wire: Wire(code: answer.wire), subflows: answer.subflows,
            bytesSent: answer.bytes_sent, bytesReceived: answer.bytes_received)
    }
}
