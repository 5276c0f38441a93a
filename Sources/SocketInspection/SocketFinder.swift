import CLinux
import Glibc
import LinuxSystem
import Netlink
import Processes

/// Finds the programs of new connections by the connections' tokens, with as few looks at all
/// processes as possible.
struct SocketFinder: ~Copyable {
    private let channel: NetlinkSocket
    private var owners = SocketOwners()
    /// Processes that have made connections lately: the first to be looked at.
    private var recent: [Int32] = []
    /// Who listens, by port.
    private var listeners: [UInt16: ConnectionEvent.Owner] = [:]
    private var found: [UInt32: ConnectionEvent.Owner] = [:]
    /// How long the last look at all processes took.
    private(set) var effort = Duration.zero

    private static let mostRecent = 16

    init() throws(Errno) { channel = try NetlinkSocket(NETLINK_SOCK_DIAG) }

    /// Finds the owners for all of some events at once, and says of connections on which side this
    /// host is.
    mutating func prepare(_ events: inout [PathEvent]) {
        tellSides(&events)
        found = [:]
        effort = .zero
        var inodes: [UInt32: UInt32] = [:]
        var isListenerMissing = false
        for event in events where event.isOfConnection {
            if event.isServer == true {
                isListenerMissing =
                    isListenerMissing || listeners[event.local?.port ?? 0] == nil
            } else if let inode = inode(of: event.token), inode != 0 {
                inodes[event.token] = inode
            }
        }
        if !inodes.isEmpty { find(inodes) }
        if isListenerMissing { lookForListeners() }
    }

    func owner(of event: PathEvent) -> ConnectionEvent.Owner? {
        event.isServer == true ? listeners[event.local?.port ?? 0] : found[event.token]
    }

    private func inode(of token: UInt32) -> UInt32? {
        let answer = try? channel.ask(DiagSocket.request(token: token)) {
            DiagSocket($0, listing: .mptcp)
        }
        guard let socket = answer ?? nil, socket.mptcp?.token == token else { return nil }
        return socket.inode
    }

    private mutating func find(_ tokens: [UInt32: UInt32]) {
        let wanted = Set(tokens.values.map(UInt64.init))
        var pids: [UInt64: Int32] = [:]
        for holder in SocketOwners.holders(of: wanted, in: recent) {
            pids[holder.inode] = holder.pid
        }
        if pids.count < wanted.count { lookAtAll() }
        for (token, inode) in tokens {
            let process =
                pids[UInt64(inode)].map { pid in
                    SocketOwner(pid: pid, program: Self.program(pid))
                } ?? owners.of(inode: inode).first
            guard let process else { continue }
            found[token] = Self.owner(process)
            recent.removeAll { $0 == process.pid }
            recent.append(process.pid)
        }
        recent = recent.suffix(Self.mostRecent)
    }

    private mutating func lookAtAll() {
        let clock = ContinuousClock()
        effort += clock.measure { owners = SocketOwners { _ in true } }
    }

    private mutating func lookForListeners() {
        lookAtAll()
        listeners = [:]
        for listener in listening() {
            guard let process = owners.of(inode: listener.inode).first else { continue }
            listeners[listener.local.port] = Self.owner(process)
        }
    }

    private func listening() -> [DiagSocket] {
        [AF_INET, AF_INET6].flatMap { family in
            let request = DiagSocket.request(.mptcp, family: family, states: TCPState.listen.bit)
            let dump = try? channel.dump(request) { DiagSocket($0, listing: .mptcp) }
            return dump?.items ?? []
        }
    }

    /// What the kernel does not say: those on a listener's port have come in.
    private func tellSides(_ events: inout [PathEvent]) {
        guard events.contains(where: { $0.isOfConnection && $0.isServer == nil }) else { return }
        let ports = Set(listening().map(\.local.port))
        for index in events.indices where events[index].isOfConnection {
            guard events[index].isServer == nil, let port = events[index].local?.port else {
                continue
            }
            events[index].isServer = ports.contains(port)
        }
    }

    static func owner(_ process: SocketOwner) -> ConnectionEvent.Owner {
        ConnectionEvent.Owner(
            process,
            unit: CgroupUnit.name(ofPath: SocketSelection.cgroupPath(of: process.pid)))
    }

    private static func program(_ pid: Int32) -> String {
        (try? lines(ofFile: "/proc/\(pid)/comm"))?.first ?? "?"
    }
}

extension PathEvent {
    /// Whether a connection is made, and not a subflow of one.
    fileprivate var isOfConnection: Bool { kind == .created || kind == .established }
}
