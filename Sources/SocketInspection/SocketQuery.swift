import BPFMode
import CLinux
import Glibc
import Launch
import LinuxSystem
import Netlink
import Processes

/// What `mptcpize sockets` was asked for.
package struct SocketQuery: Sendable {
    package enum Kind: Sendable { case connections, listeners, all }

    /// Which network namespaces: they come and go, so they are looked up each time.
    package enum Namespaces: Sendable, Equatable {
        case own
        /// Of this name, or of a process with this number.
        case named(String)
        case all
    }

    package var selection: SocketSelection
    package var kind: Kind
    package var namespaces: Namespaces

    package init(
        selection: SocketSelection = .everyone, kind: Kind = .connections,
        namespaces: Namespaces = .own
    ) {
        self.selection = selection
        self.kind = kind
        self.namespaces = namespaces
    }

    /// Asks the kernel now.
    package func run() throws(Failure) -> SocketListing {
        let processes = try selection.processes()
        // All processes, also for a part of them: whose socket it is says who shares it.
        let owners = SocketOwners(where: processes.contains)
        var detector = LaunchDetector()
        var result = SocketListing()
        var closed = 0
        for namespace in try found() {
            let inventory: SocketInventory
            do throws(Failure) {
                inventory = try namespace.enter(Self.inventory)
            } catch {
                guard namespaces == .all, namespace.label != nil else { throw error }
                // One that has just gone has no sockets either.
                if !namespace.isGone { closed += 1 }
                continue
            }
            result.append(
                SocketListing(
                    joining: inventory, owners: owners, namespace: namespace.label,
                    where: { processes == .all || !$0.isEmpty },
                    underUs: { detector.isUnderUs($0.pid) }))
            if let refusal = inventory.mptcpRefusal { result.note(refusal) }
        }
        result.keep(kind)
        if closed > 0 {
            result.notes.append(
                closed == 1
                    ? "1 network namespace could not be entered: try as root."
                    : "\(closed) network namespaces could not be entered: try as root.")
        }
        if owners.isPartial {
            let who = geteuid() == 0 ? "With CAP_SYS_PTRACE" : "As root"
            result.notes.append(
                "\(who), it would also tell the programs and PIDs of other users' sockets"
                    + " and list their plain TCP sockets.")
        }
        return result
    }

    private func found() throws(Failure) -> [NetworkNamespace] {
        switch namespaces {
        case .own: [try NetworkNamespace.current()]
        case .named(let name): [try NetworkNamespace.named(name)]
        case .all: try NetworkNamespace.all()
        }
    }

    /// What the calling thread's network namespace tells.
    package static func inventory() throws(Failure) -> SocketInventory {
        do throws(Errno) {
            return try SocketInventory(over: NetlinkSocket(NETLINK_SOCK_DIAG))
        } catch {
            throw Failure(
                .failed, "socket diagnosis", "the kernel refused it: \(error.reason)",
                remedy: error.rawValue == ENOENT ? "try: modprobe tcp_diag mptcp_diag" : "")
        }
    }
}

extension SocketListing {
    fileprivate mutating func keep(_ kind: SocketQuery.Kind) {
        let hidden: Int
        switch kind {
        case .all: return
        case .connections:
            hidden = sockets.count { $0.isListener }
            sockets.removeAll(where: \.isListener)
            if hidden > 0 {
                notes.append(
                    "\(hidden == 1 ? "1 listener" : "\(hidden) listeners"): see --listening or --all."
                )
            }
        case .listeners: sockets.removeAll { !$0.isListener }
        }
    }

    /// Says why there are no MPTCP sockets at all.
    fileprivate mutating func note(_ refusal: Errno) {
        let text =
            refusal.rawValue == ENOENT
            ? "This kernel does not list MPTCP sockets (no MPTCP, or no CONFIG_INET_MPTCP_DIAG:"
                + " try `modprobe mptcp_diag`); `mptcpize check` tells which."
            : "The kernel refused to list MPTCP sockets: \(refusal.reason)."
        if !notes.contains(text) { notes.append(text) }
    }
}

/// Which processes run under mptcpize, by what they have mapped, what they were given, or
/// their cgroup.
struct LaunchDetector {
    private var known: [Int32: Bool] = [:]
    private lazy var attached = AttachedProcesses()

    mutating func isUnderUs(_ pid: Int32) -> Bool {
        if let answer = known[pid] { return answer }
        let reach = RunningProcess(pid: pid)?.reach
        let isReached = reach == .preload || reach == .godebug
        let answer = isReached || attached?.contains(pid) ?? false
        known[pid] = answer
        return answer
    }
}
