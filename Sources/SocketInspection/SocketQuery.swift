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
        /// Those of the selected processes; the caller's own where all are.
        case selected
        /// Of this name, or of a process with this number.
        case named(String)
        case all
    }

    package var selection: SocketSelection
    package var kind: Kind
    package var namespaces: Namespaces

    package init(
        selection: SocketSelection = .everyone, kind: Kind = .connections,
        namespaces: Namespaces = .selected
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
        var (found, closed) = try found(processes)
        for namespace in found {
            let inventory: SocketInventory
            do throws(Failure) {
                inventory = try namespace.enter(Self.inventory)
            } catch {
                guard found.count > 1, namespace.label != nil else { throw error }
                // One that has just gone has no sockets either.
                if !namespace.isGone { closed += 1 }
                continue
            }
            result.append(
                SocketListing(
                    joining: inventory, owners: owners, namespace: namespace.label,
                    where: { processes == .all || !$0.isEmpty },
                    underUs: { detector.isUnderUs($0.pid) },
                    ruledBy: { detector.rules(of: $0.pid) }))
            if let refusal = inventory.mptcpRefusal { result.note(refusal) }
        }
        result.keep(kind)
        if namespaces == .selected { result.note(found) }
        if closed > 0 {
            result.notes.append(
                namespaces == .selected
                    ? "The network namespaces of \(closed) of the processes cannot be entered: "
                        + "try as root."
                    : closed == 1
                        ? "1 network namespace could not be entered: try as root."
                        : "\(closed) network namespaces could not be entered: try as root.")
        }
        if owners.isPartial {
            let who = geteuid() == 0 ? "With CAP_SYS_PTRACE" : "As root"
            result.notes.append(
                "\(who), it would also show the programs and PIDs of other users' sockets"
                    + " and their plain TCP sockets.")
        }
        return result
    }

    /// The namespaces to look into, and how many there are that may not be looked at.
    private func found(
        _ processes: ProcessSet
    ) throws(Failure) -> ([NetworkNamespace], closed: Int) {
        switch namespaces {
        case .selected:
            guard case .some(let pids) = processes else { return ([try .current()], 0) }
            return try NetworkNamespace.of(pids)
        case .named(let name): return ([try .named(name)], 0)
        case .all: return (try NetworkNamespace.all(), 0)
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

    /// Says which other network namespaces were looked into.
    fileprivate mutating func note(_ namespaces: [NetworkNamespace]) {
        guard namespaces.contains(where: { $0.label != nil }) else { return }
        let names = namespaces.map { $0.label?.printable ?? "this one" }
        let more = names.count > 4 ? " and \(names.count - 4) more" : ""
        notes.append(
            "Looked into the network namespace\(names.count == 1 ? "" : "s") "
                + names.prefix(4).joined(separator: ", ") + "\(more).")
    }

    /// Says why there are no MPTCP sockets at all.
    fileprivate mutating func note(_ refusal: Errno) {
        let text =
            refusal.rawValue == ENOENT
            ? "This kernel does not list MPTCP sockets (no MPTCP, or no CONFIG_INET_MPTCP_DIAG:"
                + " try `modprobe mptcp_diag`); `mptcpize check` shows which."
            : "The kernel refused to list MPTCP sockets: \(refusal.reason)."
        if !notes.contains(text) { notes.append(text) }
    }
}

/// Which processes run under mptcpize, by what they have mapped, what they were given, or
/// their cgroup.
struct LaunchDetector {
    private var known: [Int32: (isUnderUs: Bool, rules: ProcessRules?)] = [:]
    private lazy var attached = AttachedProcesses()

    mutating func isUnderUs(_ pid: Int32) -> Bool { look(at: pid).isUnderUs }

    /// The rules that the preload library in a process goes by.
    mutating func rules(of pid: Int32) -> ProcessRules? { look(at: pid).rules }

    private mutating func look(at pid: Int32) -> (isUnderUs: Bool, rules: ProcessRules?) {
        if let answer = known[pid] { return answer }
        let process = RunningProcess(pid: pid)
        let isReached = process?.reach == .preload || process?.reach == .godebug
        let answer = (
            isReached || attached?.contains(pid) ?? false,
            process?.reach == .preload ? ProcessRules(process?.evidence) : nil
        )
        known[pid] = answer
        return answer
    }
}
