/// One socket of a report.
public struct ReportedSocket: Equatable, Sendable {
    /// enum mptcpize_role, by the names of the report.
    public enum Role: String, Sendable { case none, connect, listen, accept }

    /// How the report's answer came about.
    public enum Fate: Equatable, Sendable {
        /// It is the kernel's at the last close.
        case closed
        /// The kernel was asked at the end: this process has it open.
        case open(in: Int32)
        /// This process has it open and may not be asked.
        case cannotBeAsked(in: Int32)
        /// The program was killed by this signal before it closed the socket.
        case killed(Int32)
        /// Its last process ended without closing it in a way that could be seen.
        case abandoned
        /// It is closed, and nobody saw how: by a raw system call, or by a program
        /// without the preload library.
        case unseen
    }

    /// Of the process, and its name, that made or accepted it.
    public var pid: Int32
    public var program: ProgramName
    public var fd: Int32
    public var family: AddressFamily
    public var role: Role = .none
    public var socket: SocketEvent.SocketType
    /// The errno with which the kernel refused an MPTCP socket.
    public var refusal: Errno?
    public var connectError: Errno?
    public var local: SocketAddress?
    public var remote: SocketAddress?
    public var answer: WireAnswer = .unknown
    public var remedies: [Remedy] = []
    public var fate: Fate = .unseen
    /// Made by socket(), as opposed to accepted.
    public var isRequested = true
    /// What its listener is, if that is known.
    public var listener: SocketEvent.SocketType?

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
    public var why: String {
        [reason, caveat].compactMap { $0 }.joined(separator: "; ")
    }

    private var reason: String? {
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
            return connectError.flatMap { $0.isUnderWay ? nil : $0.reason.lowercasedFirst }
        default: return nil
        }
    }

    private var caveat: String? {
        switch fate {
        case .closed: answer.wire == .unknown ? "the kernel did not tell" : nil
        case .open(let pid): "still open in \(pid)"
        case .cannotBeAsked(let pid): "still open in \(pid), which may not be asked"
        case .killed(let signal): "killed by \(signalName(signal)) before it was closed"
        case .abandoned: "its process ended without closing it"
        case .unseen: "closed where it could not be seen"
        }
    }
}

extension Errno {
    /// Why the kernel refused an MPTCP socket (socket(2) with protocol 262), in plain words.
    func ofMultipathTCP(_ family: AddressFamily) -> String {
        switch name {
        case "ENOPROTOOPT": "MPTCP is off here (net.mptcp.enabled=0)"
        case "EPROTONOSUPPORT":
            family == .inet6 ? "kernel has no MPTCP for IPv6" : "kernel has no MPTCP"
        case "EINVAL": "kernel is too old for MPTCP"
        case "EPERM", "EACCES": "a security policy refused it"
        // MPTCPIZE_REFUSED_FOR_CGROUP
        case "EXDEV": "its cgroup binds it to a device, or marks it, as `ip vrf exec` does"
        // MPTCPIZE_REFUSED_BY_KERNEL_USER
        case "EPROTOTYPE": "its program hands it to the kernel, which takes TCP only"
        default: reason.lowercasedFirst
        }
    }

    /// connect(2) goes on in the background.
    var isUnderWay: Bool { ["EINPROGRESS", "EINTR", "EALREADY"].contains(name) }
}

extension String {
    var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
