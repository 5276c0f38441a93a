import LinuxSystem
import SocketValues

/// The kernel's answer now for the socket of a holder's process.
package enum LiveAnswer: Equatable, Sendable {
    case answer(WireAnswer)
    /// The process is gone.
    case gone
    /// It is there, and the number is not this socket's (any more).
    case closed
    /// It is there and may not be asked (EPERM, ENOSYS, …).
    case refused(Errno)
    /// There was no time for it.
    case notAsked
}

extension SocketLedger {
    /// Asks the kernel for the socket with this inode (0: any socket) that a process has open.
    package typealias Ask = (_ pid: Int32, _ fd: Int32, _ inode: UInt64) -> LiveAnswer

    /// The inode numbers of sockets whose close nobody has told.
    package var unclosed: Set<UInt64> {
        entries.all.reduce(into: []) { if $1.closing == nil { $0.insert($1.inode) } }
    }

    /// The sockets as they are at the end, in the order in which they came.
    ///
    /// - Parameters:
    ///   - main: the program's own process and its end.
    ///   - ask: is called for holders that may still live.
    package func finish(main: (pid: Int32, end: ProgramEnd)?, ask: Ask) -> [ReportedSocket] {
        entries.all.map { finish($0, main: main, ask: ask) }
    }

    private func finish(
        _ entry: Entry, main: (pid: Int32, end: ProgramEnd)?, ask: Ask
    ) -> ReportedSocket {
        var socket = entry.socket
        socket.isRequested = entry.isCreated
        var dead = entry.died
        var isUnseen = false
        for holder in entry.holders.list {
            switch holder.pid == main?.pid ? .gone : ask(holder.pid, holder.fd, entry.inode) {
            case .answer(let answer):
                socket.answer = answer
                socket.fate = .open(in: holder.pid)
                return socket
            case .refused:
                socket.fate = .cannotBeAsked(in: holder.pid)
                return socket
            case .notAsked:
                socket.fate = .notAsked
                return socket
            case .gone: dead = holder
            case .closed: isUnseen = true
            }
        }
        if let dead {
            if case .signalled(let signal)? = main?.end, main?.pid == dead.pid {
                socket.fate = .killed(signal)
            } else {
                socket.fate = .abandoned
            }
        } else if let closing = entry.closing, !isUnseen {
            socket.answer = closing
            socket.fate = .closed
            if let observed = entry.observed, observed.wire == closing.wire {
                socket.answer = closing.knowing(observed)
            }
            return socket
        } else {
            socket.fate = .unseen
        }
        // Nothing but a close ends listening.
        if entry.hasListened { socket.answer.wire = .listening }
        return socket
    }
}

extension WireAnswer {
    /// This answer at the close, where there is one from before a shutdown for sending.
    fileprivate func knowing(_ observed: WireAnswer) -> WireAnswer {
        var answer = self
        if let subflows = observed.subflows { answer.subflows = max(self.subflows ?? 0, subflows) }
        // MPTCP queues the end of the stream like a byte, and the kernel counts it among what
        // is not sent yet (SIOCOUTQNSD).
        if let sent = observed.bytesSent, bytesSent == sent &+ 1 { answer.bytesSent = sent }
        return answer
    }
}

extension SocketLedger.Entry {
    /// Takes note of the kernel's answer before a shutdown for sending. Of several, the first
    /// knows the bytes: nothing can be sent after it.
    mutating func observe(_ answer: WireAnswer) {
        var answer = answer
        if let observed, observed.wire == answer.wire { answer.bytesSent = observed.bytesSent }
        observed = answer
    }
}
