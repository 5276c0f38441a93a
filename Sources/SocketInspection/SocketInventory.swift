import CLinux
import Glibc
import LinuxSystem
import Netlink

/// Everything that a network namespace's TCP and MPTCP diagnosis listed, not yet joined.
package struct SocketInventory: Sendable {
    /// MPTCP sockets: connections with a token, fallen-back ones too, and listeners.
    package var mptcp: [DiagSocket] = []
    /// TCP sockets, subflows among them.
    package var tcp: [DiagSocket] = []
    /// What could not be listed, and why: a kernel without MPTCP diagnosis, …
    package var mptcpRefusal: Errno?
    /// False where the kernel could not list it all at one time.
    package var isConsistent = true

    package init() {}

    /// Lists the sockets of the namespace that the channel belongs to.
    ///
    /// - Throws: what the kernel answered to the request for TCP, which every kernel lists.
    package init(over channel: borrowing some NetlinkChannel & ~Copyable) throws(Errno) {
        // Not time-wait (no MPTCP, no owner) and not half-open requests (likewise).
        let states = UInt32(0xFFF) & ~TCPState.timeWait.bit
        for family in [AF_INET, AF_INET6] {
            do throws(Errno) {
                try list(.mptcp, family, states, over: channel, into: \.mptcp)
            } catch {
                mptcpRefusal = error
            }
            do throws(Errno) {
                try list(.tcp, family, states, over: channel, into: \.tcp)
            } catch  where family == AF_INET6 && error.rawValue == ENOENT {
                // No IPv6 in this kernel.
            }
        }
    }

    private mutating func list(
        _ list: DiagSocket.List, _ family: Int32, _ states: UInt32,
        over channel: borrowing some NetlinkChannel & ~Copyable,
        into sockets: WritableKeyPath<SocketInventory, [DiagSocket]>
    ) throws(Errno) {
        let dump = try channel.dump(
            DiagSocket.request(list, family: family, states: states)
        ) { DiagSocket($0, listing: list) }
        isConsistent = isConsistent && dump.isConsistent
        self[keyPath: sockets] += dump.items
    }
}
