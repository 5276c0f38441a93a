/// What the sockets of a unit's processes are on the wire, in numbers.
public struct UnitSockets: Sendable, Equatable {
    /// Listeners that take MPTCP, and those that do not.
    public var listeningMPTCP = 0
    public var listeningTCP = 0
    /// Connections over MPTCP, over an MPTCP socket that fell back to TCP, and over TCP.
    public var mptcp = 0
    public var fallback = 0
    public var tcp = 0

    public init() {}

    private mutating func count(_ socket: ListedSocket) {
        switch socket.wire {
        case .mptcp: mptcp += 1
        case .fallback: fallback += 1
        case .tcp where socket.isListener: listeningTCP += 1
        case .tcp: tcp += 1
        case .listening: listeningMPTCP += 1
        case .unconnected, .unknown: break
        }
    }

    /// The sockets of processes, by process; one that several have open counts for each.
    ///
    /// What may not be looked at, other users' processes and their network namespaces, is
    /// left out.
    static func of(_ pids: [Int32]) -> [Int32: UnitSockets] {
        var result: [Int32: UnitSockets] = [:]
        let owners = SocketOwners(where: Set(pids).contains)
        for namespace in namespaces(of: pids) {
            guard let inventory = try? namespace.enter(SocketQuery.inventory) else { continue }
            let listing = SocketListing(
                joining: inventory, owners: owners, where: { !$0.isEmpty }, underUs: { _ in true })
            for socket in listing.sockets {
                for owner in socket.owners { result[owner.pid, default: .init()].count(socket) }
            }
        }
        return result
    }

    /// What systemd listens with on a socket unit's ports.
    static func of(listeners: [(address: String, type: String)]) -> UnitSockets {
        var result = UnitSockets()
        let wanted = Set(
            listeners.filter { $0.type == "Stream" && SocketPlan.isInternet($0.address) }
                .compactMap { UInt16($0.address.split(separator: ":").last ?? "") })
        guard let inventory = try? SocketQuery.inventory() else { return result }
        let found = { (sockets: [DiagSocket]) in
            wanted.intersection(sockets.filter { $0.state == .listen }.map(\.local.port))
        }
        let mptcp = found(inventory.mptcp)
        result.listeningMPTCP = mptcp.count
        // An MPTCP listener's first subflow is a TCP listener.
        result.listeningTCP = found(inventory.tcp).subtracting(mptcp).count
        return result
    }

    private static func namespaces(of pids: [Int32]) -> [NetworkNamespace] {
        guard let own = try? NetworkNamespace.current() else { return [] }
        var seen: Set<String> = [linkTarget("/proc/self/ns/net") ?? ""]
        return [own]
            + pids.compactMap { pid in
                guard let target = linkTarget("/proc/\(pid)/ns/net"), seen.insert(target).inserted
                else { return nil }
                return try? NetworkNamespace.named("\(pid)")
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
