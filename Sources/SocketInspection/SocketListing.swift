import ConnectionPolicy
import Netlink
import Processes
import SocketValues

/// All rows of `mptcpize sockets`, joined.
package struct SocketListing: Sendable {
    package var sockets: [ListedSocket] = []
    /// What the user should know about what is missing, a line each.
    package var notes: [String] = []

    package init() {}

    /// Joins what one network namespace told: subflows to their connection by token, and by
    /// inode where an unprivileged user is not told the token; sockets to processes by inode.
    ///
    /// - Parameters:
    ///   - isWanted: whether a socket with these owners is to be listed.
    ///   - isUnderUs: whether a process runs under mptcpize. Its plain TCP sockets are listed too.
    ///   - rules: those of a process's preload library.
    package init(
        joining inventory: SocketInventory, owners: SocketOwners, namespace: String? = nil,
        where isWanted: ([SocketOwner]) -> Bool = { _ in true },
        underUs isUnderUs: (SocketOwner) -> Bool = { _ in false },
        ruledBy rules: (SocketOwner) -> ProcessRules? = { _ in nil }
    ) {
        var join = SocketJoin(inventory)
        for socket in inventory.mptcp {
            let owners = owners.of(inode: socket.inode)
            let subflows = join.takeSubflows(of: socket)
            guard isWanted(owners) else { continue }
            sockets.append(
                ListedSocket(
                    socket: socket, wire: Self.wire(of: socket), subflows: subflows,
                    owners: owners, namespace: namespace))
        }
        for socket in join.rest where socket.inode != 0 {
            let owners = owners.of(inode: socket.inode)
            guard !owners.isEmpty, isWanted(owners),
                let wire = Self.wire(
                    ofUnlisted: socket, isUnderUs: owners.contains(where: isUnderUs))
            else { continue }
            let reason =
                wire == .tcp ? join.listeners.reason(socket, owners.lazy.compactMap(rules)) : nil
            sockets.append(
                ListedSocket(
                    socket: socket, wire: wire, reason: reason, owners: owners,
                    namespace: namespace))
        }
        sort()
        if !inventory.isConsistent {
            notes.append("Sockets changed while they were listed: the list may be incomplete.")
        }
    }

    /// Adds what another namespace told.
    package mutating func append(_ other: SocketListing) {
        sockets += other.sockets
        for note in other.notes where !notes.contains(note) { notes.append(note) }
    }

    /// Listeners first, then program by program, each in the order of the ports.
    private mutating func sort() {
        // Rows are large, and comparing names is slow: places are sorted by small keys.
        let owners = Set(sockets.compactMap(\.owners.first)).sorted {
            ($0.program, $0.pid) < ($1.program, $1.pid)
        }
        let ranks = Dictionary(
            uniqueKeysWithValues: owners.enumerated().map { ($1, UInt32($0 + 1)) })
        var keys: [(listener: UInt32, owner: UInt32, ports: UInt32, place: Int)] = []
        keys.reserveCapacity(sockets.count)
        for (place, row) in sockets.enumerated() {
            let rank = row.owners.first.flatMap { ranks[$0] } ?? 0
            let ports = UInt32(row.socket.local.port) << 16 | UInt32(row.socket.remote.port)
            keys.append((row.isListener ? 0 : 1, rank, ports, place))
        }
        keys.sort { $0 < $1 }
        sockets = keys.map { sockets[$0.place] }
    }

    private static func wire(of socket: DiagSocket) -> Wire {
        if socket.state == .listen { return .listening }
        guard let flags = socket.mptcp?.flags else { return .unknown }
        if flags.contains(.fallback) { return .fallback }
        return flags.contains(.remoteKeyReceived) ? .mptcp : .unconnected
    }

    /// What a socket is that the kernel lists for TCP only; nil for what is not to be listed.
    private static func wire(
        ofUnlisted socket: DiagSocket, isUnderUs: @autoclosure () -> Bool
    ) -> Wire? {
        let isMPTCP = socket.upperLayer == "mptcp"
        guard isMPTCP || isUnderUs() else { return nil }
        if socket.state == .listen {
            // MPTCP ones are in their own list since Linux 5.19.
            return isMPTCP ? .listening : .tcp
        }
        // A further subflow of a connection that came or went between the two lists.
        let flags = socket.subflow?.flags ?? []
        if !flags.isDisjoint(with: [.joinLocal, .joinRemote]) { return nil }
        // What it asks for is not told to an unprivileged user.
        if !socket.isSynchronized { return .unconnected }
        guard isMPTCP else { return .tcp }
        // An MPTCP socket without a token: it fell back before it asked for MPTCP (after a
        // blackhole was found, or with TCP_MD5SIG), or came between the two lists.
        return flags.contains(.capableRemote) ? .mptcp : .fallback
    }
}

/// The listeners of a namespace, which tell of a plain TCP socket why it is one.
private struct Listeners {
    private var byPort: [UInt16: [(host: String, isMPTCP: Bool)]] = [:]

    init(_ inventory: SocketInventory) {
        for socket in inventory.mptcp where socket.state == .listen {
            byPort[socket.local.port, default: []].append((socket.local.host, true))
        }
        // An MPTCP listener's own TCP half is in this list too.
        for socket in inventory.tcp where socket.state == .listen && socket.upperLayer != "mptcp" {
            byPort[socket.local.port, default: []].append((socket.local.host, false))
        }
    }

    /// The listener that a connection came in by; nil for one that the program made.
    private func listener(of socket: DiagSocket) -> (host: String, isMPTCP: Bool)? {
        let all = byPort[socket.local.port] ?? []
        let host = socket.local.host
        return all.first { $0.host == host } ?? all.first { ["0.0.0.0", "::"].contains($0.host) }
    }

    func reason(
        _ socket: DiagSocket, _ rules: some Sequence<ProcessRules>
    ) -> ListedSocket.Reason {
        let listener = socket.state == .listen ? nil : listener(of: socket)
        if listener?.isMPTCP == true { return .acceptedFromTCPClient }
        let isOutgoing = socket.state != .listen && listener == nil
        let end = isOutgoing ? socket.remote : socket.local
        let host = listener?.host ?? end.host
        for table in rules {
            let origin = table.origin(isOutgoing ? .connect : .listen, host, port: end.port)
            if let origin { return .policy(origin) }
        }
        return .stayedTCP
    }
}

/// The TCP sockets of a namespace, from which subflows are taken as their connections turn up.
private struct SocketJoin {
    private let tcp: [DiagSocket]
    private var byToken: [UInt32: [Int]] = [:]
    private var byInode: [UInt32: [Int]] = [:]
    private var isTaken: [Bool]
    let listeners: Listeners

    init(_ inventory: SocketInventory) {
        tcp = inventory.tcp
        isTaken = Array(repeating: false, count: tcp.count)
        byToken.reserveCapacity(inventory.mptcp.count)
        for (index, socket) in tcp.enumerated() {
            if let token = socket.subflow?.localToken, token != 0 {
                byToken[token, default: []].append(index)
            } else if socket.inode != 0 {
                byInode[socket.inode, default: []].append(index)
            }
        }
        listeners = Listeners(inventory)
    }

    mutating func takeSubflows(of connection: DiagSocket) -> [DiagSocket] {
        var indices: [Int] = []
        if let token = connection.mptcp?.token, token != 0 { indices += byToken[token] ?? [] }
        if connection.inode != 0 { indices += byInode[connection.inode] ?? [] }
        for index in indices { isTaken[index] = true }
        // A listener's own TCP half says nothing that the listener does not.
        if connection.state == .listen { return [] }
        return indices.map { tcp[$0] }.sorted { Self.order($0) < Self.order($1) }
    }

    /// The first subflow first, then by address identifiers.
    private static func order(_ subflow: DiagSocket) -> (Int, UInt8, UInt8, UInt64) {
        let info = subflow.subflow
        return (
            subflow.role?.isJoined == true ? 1 : 0, info?.localID ?? 0, info?.remoteID ?? 0,
            subflow.cookie
        )
    }

    /// What is no subflow of any listed connection.
    var rest: [DiagSocket] { zip(tcp, isTaken).compactMap { $1 ? nil : $0 } }
}
