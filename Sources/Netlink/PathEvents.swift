import CLinux
import Glibc
import LinuxSystem
import SocketValues

/// The kernel's events of MPTCP connections from now on, in the network namespace of the calling
/// thread.
package struct PathEvents: ~Copyable {
    private let socket: NetlinkSocket
    private let family: UInt16

    /// Events that wait to be read; a connection's are some 100 bytes each, and what the kernel
    /// accounts for each some 800.
    private static let room: Int32 = 8 << 20

    /// - Throws: ENOENT for a kernel without MPTCP or without events (before Linux 5.12), EPERM for
    ///   users without CAP_NET_ADMIN.
    package init() throws(Errno) {
        let asking = try NetlinkSocket(NETLINK_GENERIC)
        guard let found = try GenericNetlinkFamily(PathManagement.family, over: asking),
            let group = found.groups["mptcp_pm_events"]
        else { throw Errno(rawValue: ENOENT) }
        let listening = try NetlinkSocket(NETLINK_GENERIC)
        listening.makeRoom(Self.room)
        try listening.join(group: group)
        family = found.id
        socket = listening
    }

    /// For poll(2).
    package var number: Int32 { socket.number }

    /// All that has come so far, without waiting.
    ///
    /// - Throws: ENOBUFS where events came faster than they were read: some are lost.
    package func receive() throws(Errno) -> [PathEvent] {
        var result: [PathEvent] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
        defer { buffer.deallocate() }
        while result.count < 10_000, socket.waits(milliseconds: 0) {
            let count = try socket.receive(into: buffer)
            let datagram = ByteView(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            NetlinkMessage.each(in: datagram) { message in
                guard message.type == family, let event = PathEvent(message) else { return }
                result.append(event)
            }
        }
        return result
    }

    /// The addresses that the peer of a connection has announced so far.
    package func announced(token: UInt32) -> [SocketAddress] {
        var result: [SocketAddress] = []
        for event in (try? receive()) ?? []
        where event.kind == .announced && event.token == token {
            if let address = event.remote, !result.contains(address) { result.append(address) }
        }
        return result
    }
}
