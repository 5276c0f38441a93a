import Glibc
import LinuxSystem
import Processes
import SocketInspection
import SystemdUnits
import TextOutput

/// What the sockets of a unit's processes are on the wire, in numbers.
package struct UnitSockets: Sendable, Equatable {
    /// Listeners that take MPTCP, and those that do not.
    package var listeningMPTCP = 0
    package var listeningTCP = 0
    /// Connections over MPTCP, over an MPTCP socket that fell back to TCP, and over TCP.
    package var mptcp = 0
    package var fallback = 0
    package var tcp = 0
    /// The listeners that do not take MPTCP.
    var tcpListeners: [TCPListener] = []
    /// The ports of all listeners, and of those that take MPTCP.
    var ports: Set<UInt16> = []
    var mptcpPorts: Set<UInt16> = []

    package init() {}

    /// Whether MPTCP was seen on one of them.
    var usesMPTCP: Bool { listeningMPTCP > 0 || mptcp > 0 }

    private mutating func count(_ socket: ListedSocket) {
        let port = socket.socket.local.port
        if socket.isListener { ports.insert(port) }
        if socket.isListener, socket.wire == .tcp {
            tcpListeners.append(
                TCPListener(
                    port: port, inode: socket.socket.inode, address: socket.socket.local.host))
        }
        switch socket.wire {
        case .mptcp: mptcp += 1
        case .fallback: fallback += 1
        case .tcp where socket.isListener: listeningTCP += 1
        case .tcp: tcp += 1
        case .listening:
            listeningMPTCP += 1
            mptcpPorts.insert(port)
        case .unconnected, .unknown: break
        }
    }

    /// The sockets of processes, by process; one that several have open counts for each.
    ///
    /// - Parameter known: the sockets of the caller's network namespace, where they are known.
    /// - Returns: nothing for processes that may not be looked at, or in whose network
    ///   namespace the kernel does not list sockets.
    static func of(_ pids: [Int32], known: SocketSnapshot?) -> [Int32: UnitSockets] {
        var result: [Int32: UnitSockets] = [:]
        for (namespace, pids) in namespaces(of: pids) {
            let isOwn = namespace.label == nil
            guard let snapshot = (isOwn ? known : nil) ?? Self.snapshot(of: pids, in: namespace)
            else { continue }
            for pid in pids {
                var sockets = UnitSockets()
                var isEmpty = true
                for socket in snapshot.sockets(of: pid) {
                    sockets.count(socket)
                    isEmpty = false
                }
                if !isEmpty || access("/proc/\(pid)/fd/", R_OK) == 0 { result[pid] = sockets }
            }
        }
        return result
    }

    private static func snapshot(
        of pids: [Int32], in namespace: NetworkNamespace
    ) -> SocketSnapshot? {
        let found = try? namespace.enter { () throws(Failure) in
            try SocketSnapshot(of: Set(pids))
        }
        return found ?? nil
    }

    /// What systemd listens with on a socket unit's ports.
    ///
    /// - Returns: nil where the kernel does not tell.
    static func of(
        listeners: [(address: String, type: String)], known: SocketSnapshot?
    ) -> UnitSockets? {
        var result = UnitSockets()
        let wanted = Set(
            listeners.filter { $0.type == "Stream" && SocketPlan.isInternet($0.address) }
                .compactMap { UInt16($0.address.split(separator: ":").last ?? "") })
        let none = try? SocketSnapshot(of: [])
        guard let snapshot = known ?? none ?? nil else { return nil }
        let mptcp = wanted.intersection(snapshot.mptcpPorts)
        result.listeningMPTCP = mptcp.count
        result.listeningTCP = wanted.intersection(snapshot.ports).subtracting(mptcp).count
        return result
    }

    /// The network namespaces that processes are in, as far as they may be looked at.
    private static func namespaces(of pids: [Int32]) -> [(NetworkNamespace, [Int32])] {
        let own = linkTarget("/proc/self/ns/net")
        let groups = Dictionary(grouping: pids) { linkTarget("/proc/\($0)/ns/net") }
        return groups.compactMap { target, pids in
            guard target != nil else { return nil }
            let namespace =
                target == own
                ? try? NetworkNamespace.current() : try? NetworkNamespace.named("\(pids[0])")
            return namespace.map { ($0, pids) }
        }
    }

    /// "2 mptcp" or "5 mptcp, 1 fallback, 2 tcp"; "-" for none.
    var listening: String { Self.text([(listeningMPTCP, "mptcp"), (listeningTCP, "tcp")]) }
    var connected: String {
        Self.text([(mptcp, "mptcp"), (fallback, "fallback"), (tcp, "tcp")])
    }

    private static func text(_ counts: [(Int, String)]) -> String {
        let parts = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return parts.isEmpty ? "-" : parts.joined(separator: ", ")
    }

    var json: JSONValue {
        [
            "listening": ["mptcp": JSONValue(listeningMPTCP), "tcp": JSONValue(listeningTCP)],
            "connected": [
                "mptcp": JSONValue(mptcp), "fallback": JSONValue(fallback), "tcp": JSONValue(tcp),
            ],
        ]
    }
}
