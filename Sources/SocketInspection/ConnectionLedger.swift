import Netlink
import SocketValues

/// The connections of a network namespace, by its events. It decides what to print for each event,
/// from what is known about the connection.
struct ConnectionLedger {
    private struct Connection {
        var local: SocketAddress?
        var remote: SocketAddress?
        var isServer: Bool?
        var owner: ConnectionEvent.Owner?
        /// Whether it has been told of, as made or fallen back, or was there before.
        var isTold = false
        var fellBack = false
    }

    private var connections: [UInt32: Connection] = [:]
    /// Fallen-back sockets without a token, by their cookies.
    private var tokenless: Set<UInt64> = []
    /// Fallbacks that were found before the kernel's counters told of them.
    private var ahead: UInt64 = 0

    /// - Parameter owner: of the connection of a token.
    mutating func feed(
        _ event: PathEvent, owner: (PathEvent) -> ConnectionEvent.Owner?
    ) -> ConnectionEvent? {
        switch event.kind {
        case .created, .established:
            var connection = connections[event.token] ?? Connection()
            if connection.owner == nil { connection.owner = owner(event) }
            connection.local = event.local ?? connection.local
            connection.remote = event.remote ?? connection.remote
            connection.isServer = event.isServer ?? connection.isServer
            defer { connections[event.token] = connection }
            if event.kind == .created || connection.isTold { return nil }
            connection.isTold = true
            return told(.made, event.token, connection)
        case .subflowEstablished, .subflowClosed:
            let kind: ConnectionEvent.Kind = event.kind == .subflowClosed ? .lost : .joined
            var result = told(kind, event.token, connections[event.token] ?? Connection())
            result.local = event.local
            result.remote = event.remote
            result.isBackup = event.isBackup
            result.error = event.error
            return result
        case .closed:
            guard let connection = connections.removeValue(forKey: event.token), connection.isTold
            else { return nil }
            return told(.closed, event.token, connection)
        case .announced, .removed: return nil
        }
    }

    private func told(
        _ kind: ConnectionEvent.Kind, _ token: UInt32, _ connection: Connection
    ) -> ConnectionEvent {
        var result = ConnectionEvent(kind)
        result.token = token
        result.local = connection.local
        result.remote = connection.remote
        result.isServer = connection.isServer
        result.owner = connection.owner
        return result
    }

    // MARK: What is there

    /// A socket that is there.
    struct Present {
        let token: UInt32
        let cookie: UInt64
        let local: SocketAddress
        let remote: SocketAddress
        let isServer: Bool?
        let owner: ConnectionEvent.Owner?
        let fellBack: Bool
        /// Whether its program has closed it, and it has yet to end. The kernel told of that when it
        /// was closed (net/mptcp/protocol.c, __mptcp_close), and tells no more.
        let isClosed: Bool
    }

    /// Takes those as told that are there when it begins.
    mutating func begin(with sockets: [Present]) { _ = look(at: sockets, kinds: []) }

    /// The fallbacks among sockets that have not been told of.
    ///
    /// - Parameters:
    ///   - cause: of all of them, where that is known.
    ///   - counted: how many the kernel has counted since the last time, before the sockets were
    ///     listed; what of them is not there has ended.
    mutating func fallbacks(
        among sockets: [Present], cause: String?, counted: UInt64
    ) -> [ConnectionEvent] {
        var result = look(at: sockets, kinds: [.fallback])
        for index in result.indices { result[index].cause = cause }
        let found = UInt64(result.count) + ahead
        ahead = found - min(found, counted)
        if counted > found {
            var rest = ConnectionEvent(.fallback)
            rest.cause = cause
            rest.count = counted - found
            result.append(rest)
        }
        return result
    }

    /// What must have happened where events were lost.
    mutating func reconcile(with sockets: [Present]) -> [ConnectionEvent] {
        let sockets = sockets.filter { !$0.isClosed }
        let present = Set(sockets.map(\.token))
        var result: [ConnectionEvent] = []
        for (token, connection) in connections where !present.contains(token) {
            connections[token] = nil
            if connection.isTold { result.append(told(.closed, token, connection)) }
        }
        return result + look(at: sockets, kinds: [.made, .fallback])
    }

    /// - Parameter kinds: what is to be told; the others are known from now on.
    private mutating func look(
        at sockets: [Present], kinds: Set<ConnectionEvent.Kind>
    ) -> [ConnectionEvent] {
        var result: [ConnectionEvent] = []
        var cookies: Set<UInt64> = []
        for socket in sockets {
            var connection = connections[socket.token] ?? Connection()
            let wasTold =
                socket.token == 0
                ? tokenless.contains(socket.cookie)
                : socket.fellBack ? connection.fellBack : connection.isTold
            if socket.token == 0 { cookies.insert(socket.cookie) }
            if wasTold { continue }
            connection.local = socket.local
            connection.remote = socket.remote
            connection.isServer = connection.isServer ?? socket.isServer
            connection.owner = connection.owner ?? socket.owner
            let kind: ConnectionEvent.Kind = socket.fellBack ? .fallback : .made
            // What the events will tell is left to them.
            if !kinds.isEmpty, !kinds.contains(kind) { continue }
            connection.isTold = true
            connection.fellBack = socket.fellBack
            if socket.token != 0, !socket.isClosed { connections[socket.token] = connection }
            if kinds.contains(kind) { result.append(told(kind, socket.token, connection)) }
        }
        tokenless = cookies
        return result
    }
}
