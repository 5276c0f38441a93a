/// What a holder's process says when the kernel is asked for its socket now.
public enum LiveAnswer: Equatable, Sendable {
    case answer(WireAnswer)
    /// The process is gone, or has no such socket (any more): the PID or the number is
    /// somebody else's.
    case gone
    /// It is there and may not be asked (EPERM, ENOSYS, …).
    case refused(Errno)
}

extension SocketLedger {
    /// Asks the kernel for the socket with this inode (0: any socket) that a process has open.
    public typealias Ask = (_ pid: Int32, _ fd: Int32, _ inode: UInt64) -> LiveAnswer

    /// The sockets as they are at the end, in the order in which they came.
    ///
    /// - Parameters:
    ///   - main: the program's own process and its end.
    ///   - ask: is called for holders that may still live.
    public func finish(main: (pid: Int32, end: ProgramEnd)?, ask: Ask) -> [ReportedSocket] {
        entries.map { finish($0, main: main, ask: ask) }
    }

    private func finish(
        _ entry: Entry, main: (pid: Int32, end: ProgramEnd)?, ask: Ask
    ) -> ReportedSocket {
        var socket = entry.socket
        socket.isRequested = entry.isCreated
        var dead = entry.died
        for holder in entry.holders {
            switch holder.pid == main?.pid ? .gone : ask(holder.pid, holder.fd, entry.inode) {
            case .answer(let answer):
                socket.answer = answer
                socket.fate = .open(in: holder.pid)
                return socket
            case .refused:
                socket.fate = .cannotBeAsked(in: holder.pid)
                return socket
            case .gone: dead = holder
            }
        }
        if let dead {
            if case .signalled(let signal)? = main?.end, main?.pid == dead.pid {
                socket.fate = .killed(signal)
            } else {
                socket.fate = .abandoned
            }
        } else if let closing = entry.closing {
            socket.answer = closing
            socket.fate = .closed
            if closing.wire == entry.observed?.wire, let observed = entry.observed?.subflows {
                socket.answer.subflows = max(closing.subflows ?? 0, observed)
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
