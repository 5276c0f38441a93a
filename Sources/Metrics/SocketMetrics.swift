import Netlink
import Processes
import SocketInspection
import SocketValues

/// What the sockets of this network namespace are, by unit and program.
struct SocketMetrics {
    /// Whose sockets they are: the unit whose cgroup the process is in, and the process's name;
    /// empty where nobody has it open any more.
    private struct Owner: Hashable {
        let unit: String
        let program: String
    }

    private struct Traffic {
        var connections: UInt64 = 0
        var bytesSent: UInt64 = 0
        var bytesReceived: UInt64 = 0
        var retransmissions: UInt64 = 0

        mutating func add(_ other: Traffic) {
            connections += other.connections
            bytesSent &+= other.bytesSent
            bytesReceived &+= other.bytesReceived
            retransmissions &+= other.retransmissions
        }
    }

    private struct Sums {
        var mptcp = Traffic()
        var fallback = Traffic()
        var tcp = Traffic()
        var multipath: UInt64 = 0
        var subflows: UInt64 = 0
        var listeningMPTCP: UInt64 = 0
        var listeningTCP: UInt64 = 0

        /// Those that carry connections, by the names of the label "wire".
        var wires: [(name: String, traffic: Traffic)] {
            [("mptcp", mptcp), ("fallback", fallback), ("tcp", tcp)]
        }

        mutating func add(_ other: Sums) {
            mptcp.add(other.mptcp)
            fallback.add(other.fallback)
            tcp.add(other.tcp)
            multipath += other.multipath
            subflows += other.subflows
            listeningMPTCP += other.listeningMPTCP
            listeningTCP += other.listeningTCP
        }

        mutating func count(_ socket: ListedSocket) {
            if socket.isListener {
                if socket.wire == .tcp { listeningTCP += 1 } else { listeningMPTCP += 1 }
                return
            }
            let traffic = Traffic(
                connections: 1, bytesSent: socket.bytesSent ?? 0,
                bytesReceived: socket.bytesReceived ?? 0,
                retransmissions: socket.retransmits ?? 0)
            switch socket.wire {
            case .mptcp:
                mptcp.add(traffic)
                subflows += UInt64(socket.paths)
                if socket.paths > 1 { multipath += 1 }
            case .fallback: fallback.add(traffic)
            case .tcp: tcp.add(traffic)
            // Not connected yet, or on its way out.
            case .listening, .unconnected, .unknown: break
            }
        }
    }

    private let sums: [(key: Owner, value: Sums)]

    /// - Parameter unit: the unit of a process, by its number.
    init(_ snapshot: SocketSnapshot, unit: (Int32) -> String?) {
        var all: [Owner: Sums] = [:]
        var units: [Int32: String] = [:]
        for socket in snapshot.listing.sockets {
            // A server's worker before its parent, where several have it open.
            let process = socket.owners.first
            let name = process.map { process in
                if let known = units[process.pid] { return known }
                let found = unit(process.pid) ?? ""
                units[process.pid] = found
                return found
            }
            all[Owner(unit: name ?? "", program: process?.program ?? ""), default: Sums()]
                .count(socket)
        }
        let greatestFirst = all.sorted { one, other in
            let (first, second) = (Self.size(one.value), Self.size(other.value))
            return first == second
                ? (one.key.unit, one.key.program) < (other.key.unit, other.key.program)
                : first > second
        }
        let rest = Owner(unit: LabelBound.other, program: LabelBound.other)
        let folded = LabelBound.folded(greatestFirst, rest: rest) { $0.add($1) }
        // Always there, so that no metric comes and goes with the last connection.
        sums = folded.contains { $0.key == rest } ? folded : folded + [(rest, Sums())]
    }

    private static func size(_ sums: Sums) -> UInt64 {
        sums.wires.reduce(0) { $0 + $1.traffic.connections } + sums.listeningMPTCP
            + sums.listeningTCP
    }

    /// What connections have carried is no counter: with a connection, what it carried goes.
    var families: [MetricFamily] {
        var connections = MetricFamily(
            "mptcpize_connections",
            help: "Current connections, by what they speak: mptcp, fallback (an MPTCP socket "
                + "that speaks plain TCP) or tcp.")
        var sent = MetricFamily(
            "mptcpize_connection_sent_bytes",
            help: "Bytes that the current connections have sent, each byte once.")
        var received = MetricFamily(
            "mptcpize_connection_received_bytes",
            help: "Bytes that the current connections have received, each byte once.")
        var retransmitted = MetricFamily(
            "mptcpize_connection_retransmitted_segments",
            help: "Segments that the current connections have retransmitted.")
        var multipath = MetricFamily(
            "mptcpize_multipath_connections",
            help: "MPTCP connections that use more than one path now.")
        var subflows = MetricFamily(
            "mptcpize_subflows", help: "Subflows of MPTCP connections, the first included.")
        var listeners = MetricFamily(
            "mptcpize_listeners", help: "Listening sockets, by what they accept: mptcp or only tcp."
        )
        for (owner, sum) in sums {
            let (unit, program) = (("unit", owner.unit), ("program", owner.program))
            for (wire, traffic) in sum.wires {
                connections.add(traffic.connections, unit, program, ("wire", wire))
                sent.add(traffic.bytesSent, unit, program, ("wire", wire))
                received.add(traffic.bytesReceived, unit, program, ("wire", wire))
                retransmitted.add(traffic.retransmissions, unit, program, ("wire", wire))
            }
            multipath.add(sum.multipath, unit, program)
            subflows.add(sum.subflows, unit, program)
            listeners.add(sum.listeningMPTCP, unit, program, ("protocol", "mptcp"))
            listeners.add(sum.listeningTCP, unit, program, ("protocol", "tcp"))
        }
        return [connections, multipath, subflows, sent, received, retransmitted, listeners]
    }
}
