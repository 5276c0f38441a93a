/// How fast connections were between two listings.
package struct SocketRates: Sendable {
    /// Bytes per second.
    package struct Rate: Equatable, Sendable {
        package var sent: UInt64
        package var received: UInt64
    }

    /// By socket cookie.
    private var rates: [UInt64: Rate] = [:]

    /// - Parameter elapsed: the time between the listings.
    package init(from earlier: SocketListing, to later: SocketListing, elapsed: Duration) {
        let (seconds, attoseconds) = elapsed.components
        let milliseconds = max(
            UInt64(seconds) * 1000 + UInt64(attoseconds / 1_000_000_000_000_000), 1)
        var before: [UInt64: Rate] = [:]
        for socket in earlier.sockets {
            guard let sent = socket.bytesSent, let received = socket.bytesReceived else { continue }
            before[socket.socket.cookie] = Rate(sent: sent, received: received)
        }
        func rate(_ old: UInt64, _ new: UInt64) -> UInt64 {
            // What a closed subflow carried is not counted any more (Linux < 6.5).
            let (bytes, isOverflow) = (new - min(old, new)).multipliedReportingOverflow(by: 1000)
            return isOverflow ? .max : bytes / milliseconds
        }
        for socket in later.sockets {
            guard let old = before[socket.socket.cookie], let sent = socket.bytesSent,
                let received = socket.bytesReceived
            else { continue }
            rates[socket.socket.cookie] = Rate(
                sent: rate(old.sent, sent), received: rate(old.received, received))
        }
    }

    /// Nil for a connection that was not there before.
    package func of(_ socket: ListedSocket) -> Rate? { rates[socket.socket.cookie] }
}
