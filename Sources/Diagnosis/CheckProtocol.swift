import CLinux
import Glibc
import LinuxSystem
import Netlink
import Processes
import SocketInspection
import SocketValues

/// What `check --serve` and `check --probe` say to each other: lines of ASCII. The server greets.
/// Then a connection is either for data, under a name that only its maker knows, or for questions
/// about such connections.
///
///     → data NAME          what follows is counted and sent back
///     → control            the next lines are questions
///     → saw NAME           ← saw WIRE RECEIVED, and what `counters` have counted since “control”
///     → keep NAME ID ID    ← kept COUNT, or refused ERRNO: all subflows but one are ended
enum CheckProtocol {
    static let defaultPort = "10263"
    /// Counts of handshakes that arrived (MPTcpExt), in the order in which they are told.
    static let counters = ["MPJoinSynRx", "MPJoinAckRx", capable, "MPCapableFallbackACK"]
    static let capable = "MPCapableSYNRX"
    static let greeting = "mptcpize check 1\n"
    /// Bytes; nothing that is said is longer.
    static let longestLine = 120
    /// Bytes that a connection for data carries at most.
    static let mostData = 1 << 20

    /// Nobody guesses it.
    static func newName() -> String { allHexDigits(UInt64.random(in: .min ... .max)) }

    /// What a connection of this process is on the wire.
    static func wire(of fd: Int32) -> Wire {
        var number: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &number, &length)
        guard number != Int32(IPPROTO_TCP) else { return .tcp }
        guard let info = MPTCPInfo(of: fd), !info.flags.contains(.fallback) else {
            return .fallback
        }
        return info.flags.contains(.remoteKeyReceived) ? .mptcp : .unknown
    }

    /// The subflows of a connection of this process on which both ends have agreed.
    static func subflows(of fd: Int32) -> [DiagSocket] {
        guard let token = MPTCPInfo(of: fd)?.token,
            let inventory = try? SocketInventory(over: NetlinkSocket(NETLINK_SOCK_DIAG))
        else { return [] }
        let listing = SocketListing(joining: inventory, owners: SocketOwners())
        let own = listing.sockets.first { $0.socket.mptcp?.token == token }
        return (own?.subflows ?? []).filter(\.isSynchronized)
    }

    /// Ends all subflows but the one between two address identifiers.
    ///
    /// - Returns: how many were ended.
    static func keep(
        _ fd: Int32, local: UInt8, remote: UInt8
    ) throws(Errno) -> Int {
        let all = subflows(of: fd)
        guard all.contains(where: { $0.isBetween(local, remote) }) else {
            throw Errno(rawValue: ENOENT)
        }
        let others = all.filter { !$0.isBetween(local, remote) }
        for other in others {
            do throws(Errno) {
                try other.destroy(over: NetlinkSocket(NETLINK_SOCK_DIAG))
            } catch  where error.rawValue == ENOENT {
                // It has ended by itself.
            }
        }
        return others.count
    }
}

extension DiagSocket {
    func isBetween(_ local: UInt8, _ remote: UInt8) -> Bool {
        subflow.map { $0.localID == local && $0.remoteID == remote } ?? false
    }
}
