import ConnectionPolicy
import LinuxSystem
import SocketRecords
import SocketValues

/// One socket of a report.
package struct ReportedSocket: Equatable, Sendable {
    /// enum mptcpize_role, by the names of the report.
    package enum Role: String, Sendable { case none, connect, listen, accept }

    /// How the report's answer came about.
    package enum Fate: Equatable, Sendable {
        /// It is the kernel's at the last close.
        case closed
        /// The kernel was asked at the end: this process has it open.
        case open(in: Int32)
        /// This process has it open and may not be asked.
        case cannotBeAsked(in: Int32)
        /// There were too many to ask for each at the end.
        case notAsked
        /// The program was killed by this signal before it closed the socket.
        case killed(Int32)
        /// Its last process ended without closing it in a way that could be seen.
        case abandoned
        /// It is closed, and nobody saw how: by a raw system call, or by a program
        /// without the preload library.
        case unseen
    }

    /// Of the process, and its name, that made or accepted it.
    package var pid: Int32
    package var program: ProgramName
    package var fd: Int32
    package var family: AddressFamily
    package var role: Role = .none
    package var socket: SocketEvent.SocketType
    /// The errno with which the kernel refused an MPTCP socket.
    package var refusal: Errno?
    package var connectError: Errno?
    package var local: SocketAddress?
    package var remote: SocketAddress?
    package var answer: WireAnswer = .unknown
    package var remedies: [Remedy] = []
    /// Where the rule was written that keeps it TCP.
    package var policy: PolicyOrigin?
    /// The same of a rule that is held in packets: the socket is MPTCP, and falls back.
    package var packetRule: PolicyOrigin?
    package var fate: Fate = .unseen
    /// Made by socket(), as opposed to accepted.
    package var isRequested = true
    /// What its listener is, if that is known.
    package var listener: SocketEvent.SocketType?

    init(_ event: SocketEvent) {
        pid = event.pid
        program = event.program
        fd = event.fd
        family = event.family
        socket = event.socket
        refusal = event.kind == .created && event.socket == .tcp ? event.error : nil
        local = event.local
        remote = event.remote
    }

    /// Why it is not MPTCP, or how much of it could be seen, in plain words; empty where
    /// the result speaks for itself.
    package var why: String {
        [reason, caveat].compactMap { $0 }.joined(separator: "; ")
    }

    /// What a rule made of it; nil where there is none.
    var ruling: String? {
        if let packetRule { return "policy (\(packetRule.text.printable))" }
        guard let policy else { return nil }
        return "policy (\(policy.text.printable))"
            + (socket == .mptcp ? " came too late: the socket could not be replaced any more" : "")
    }

    private var reason: String? {
        if let ruling { return ruling }
        if let refusal { return refusal.ofMultipathTCP(family) }
        switch answer.wire {
        case .fallback:
            return role == .accept ? "fell back while connected" : "peer does not speak MPTCP"
        case .tcp where role == .accept:
            switch listener {
            case .mptcp: return "from a TCP client"
            case .tcp: return "its listener is TCP"
            case nil: return nil
            }
        case .unconnected where role == .connect, .unknown where role == .connect:
            return connectError.flatMap { $0.isUnderWay ? nil : $0.reasonInSentence }
        default: return nil
        }
    }

    private var caveat: String? {
        switch fate {
        case .closed: answer.wire == .unknown ? "the kernel did not tell" : nil
        case .open(let pid): "still open in \(pid)"
        case .cannotBeAsked(let pid): "still open in \(pid), which may not be asked"
        case .notAsked: "not asked at the end: there were too many"
        case .killed(let signal): "killed by \(signalName(signal)) before it was closed"
        case .abandoned: "its process ended without closing it"
        case .unseen: "closed where it could not be seen"
        }
    }
}

extension Errno {
    /// connect(2) goes on in the background.
    var isUnderWay: Bool { ["EINPROGRESS", "EINTR", "EALREADY"].contains(name) }
}
