import SocketValues

extension SocketListing {
    /// How many sockets there are of each kind.
    package struct Summary: Equatable, Sendable {
        package var listeners = 0
        /// Everything but listeners.
        package var connections = 0
        package var byWire: [Wire: Int] = [:]
        /// MPTCP connections that use more than one path.
        package var multipath = 0
    }

    package var summary: Summary {
        var summary = Summary()
        for socket in sockets {
            if socket.isListener {
                summary.listeners += 1
                continue
            }
            summary.connections += 1
            summary.byWire[socket.wire, default: 0] += 1
            if socket.wire == .mptcp && socket.paths > 1 { summary.multipath += 1 }
        }
        return summary
    }

    /// The sum in words.
    var sentence: String {
        let summary = summary
        var parts: [String] = []
        if summary.listeners > 0 {
            parts.append(summary.listeners == 1 ? "1 listener" : "\(summary.listeners) listeners")
        }
        if summary.connections > 0 || summary.listeners == 0 {
            parts.append(Self.connections(summary))
        }
        return parts.joined(separator: ", ") + "."
    }

    private static func connections(_ summary: Summary) -> String {
        guard summary.connections > 0 else { return "No MPTCP connections" }
        func count(_ wire: Wire) -> Int { summary.byWire[wire] ?? 0 }
        let several = summary.multipath > 0 ? " (\(summary.multipath) over several paths)" : ""
        let kinds = [
            (count(.mptcp), "\(count(.mptcp)) MPTCP\(several)"),
            (count(.fallback), "\(count(.fallback)) fell back to TCP"),
            (count(.tcp), "\(count(.tcp)) plain TCP"),
            (count(.unconnected), "\(count(.unconnected)) connecting"),
            (count(.unknown), "\(count(.unknown)) unknown"),
        ].filter { $0.0 > 0 }.map(\.1)
        let number =
            summary.connections == 1 ? "1 connection" : "\(summary.connections) connections"
        return "\(number): \(kinds.joined(separator: ", "))"
    }
}
