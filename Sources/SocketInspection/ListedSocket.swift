import ConnectionPolicy
import Netlink
import Processes
import SocketValues

/// One row of `mptcpize sockets`: an MPTCP socket with its subflows, or a plain TCP socket
/// of a program that runs under mptcpize.
package struct ListedSocket: Sendable {
    package var socket: DiagSocket
    package var wire: Wire
    /// Why it is plain TCP; nil for MPTCP sockets, fallen-back ones included.
    package var reason: Reason?
    /// In the order of their local address identifiers.
    package var subflows: [DiagSocket] = []
    package var owners: [SocketOwner] = []
    /// The network namespace it is in, as the user may name it; nil for the caller's own.
    package var namespace: String?

    /// Why a program under mptcpize has a plain TCP socket.
    package enum Reason: Sendable, Equatable {
        /// An MPTCP listener gives out true TCP sockets for clients that speak only that.
        case acceptedFromTCPClient
        /// A rule of its program says TCP of its address.
        case policy(PolicyOrigin)
        /// It asked for a TCP socket in a way that was not upgraded, or was demoted.
        case stayedTCP

        /// Where the rule was written.
        package var policy: PolicyOrigin? {
            if case .policy(let origin) = self { origin } else { nil }
        }

        package var text: String {
            switch self {
            case .acceptedFromTCPClient: "accepted from a TCP client"
            case .policy(let origin): "policy (\(origin.text))"
            case .stayedTCP: "stayed TCP"
            }
        }
    }

    package var isListener: Bool { socket.state == .listen }

    /// Paths in use; 0 for a listener, and where there is no connection.
    package var paths: Int {
        switch wire {
        // The kernel's own number has those that are still trying to join, over a dead link
        // for two minutes.
        case .mptcp:
            subflows.isEmpty
                ? socket.mptcp?.paths ?? 1 : subflows.count(where: \.isSynchronized)
        case .fallback, .tcp: isListener ? 0 : 1
        case .listening, .unconnected, .unknown: 0
        }
    }

    /// What the program has sent and received, each byte counted once; nil where the kernel
    /// does not tell. Before Linux 6.5 it is what the present subflows carried.
    package var bytesSent: UInt64? {
        exact(\.bytesSent) ?? sum { $0.bytesSentOnce }
    }

    package var bytesReceived: UInt64? {
        exact(\.bytesReceived) ?? sum { $0.bytesReceived }
    }

    /// Segments sent again, within subflows.
    package var retransmits: UInt64? { sum { UInt64($0.retransmits) } }

    /// Milliseconds since data last went either way.
    package var idle: UInt32? {
        if wire == .mptcp, let sent = socket.mptcp?.lastDataSent,
            let received = socket.mptcp?.lastDataReceived
        {
            return min(sent, received)
        }
        return isListener ? nil : (subflows.isEmpty ? [socket] : subflows).compactMap(\.idle).min()
    }

    /// The MPTCP level counts nothing for a connection that fell back.
    private func exact(_ counter: KeyPath<MPTCPInfo, UInt64?>) -> UInt64? {
        wire == .mptcp ? socket.mptcp?[keyPath: counter] : nil
    }

    private var carriers: [TCPInfo] {
        isListener ? [] : socket.tcp.map { [$0] } ?? subflows.compactMap(\.tcp)
    }

    private func sum(_ counter: (TCPInfo) -> UInt64?) -> UInt64? {
        var total: UInt64?
        for carrier in carriers {
            if let value = counter(carrier) { total = (total ?? 0) &+ value }
        }
        return total
    }
}

extension DiagSocket {
    /// How a subflow came to be, and whether it is used.
    package struct SubflowRole: Sendable {
        /// By MP_JOIN, as every one but the first.
        package let isJoined: Bool
        /// The peer asked for it, we asked for it: used only while no other one works.
        package let isBackup: Bool
        /// Still joining, or no longer part of the connection.
        package let isEstablished: Bool
    }

    /// Whether both sides have agreed on a connection (RFC 9293, 3.3.2), which it still is.
    package var isSynchronized: Bool {
        ![.synSent, .synReceived, .close, .listen].contains(state)
    }

    /// Milliseconds since data last went either way, by TCP's account.
    var idle: UInt32? {
        // Before there is a connection, it is the machine's uptime.
        guard isSynchronized, let tcp else { return nil }
        return min(tcp.lastDataSent, tcp.lastDataReceived)
    }

    package var role: SubflowRole? {
        subflow.map {
            SubflowRole(
                isJoined: !$0.flags.isDisjoint(with: [.joinLocal, .joinRemote]),
                isBackup: !$0.flags.isDisjoint(with: [.backupLocal, .backupRemote]),
                isEstablished: state == .established && $0.flags.contains(.connected))
        }
    }
}
