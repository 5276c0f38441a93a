import CLinux
import Glibc
import LinuxSystem
import Netlink
import SocketInspection
import SocketPolicy

/// A real MPTCP connection over loopback, within this process. It tries whether MPTCP works in this
/// network namespace; versions and switches would only be a guess.
enum MPTCPTrial: Equatable {
    /// It spoke MPTCP.
    case works
    /// It was connected, and spoke plain TCP.
    case fellBack
    /// socket() with protocol 262 failed so.
    case refused(Errno)
    /// An MPTCP socket could be had, and no connection: loopback is down, …
    case noConnection(Errno)

    /// - Parameter family: AF_INET or AF_INET6.
    init(family: Int32) {
        let listener: Descriptor
        do throws(Errno) {
            listener = try Self.socket(family)
        } catch {
            self = .refused(error)
            return
        }
        do throws(Errno) {
            self = try Self.isSpoken(from: listener, family) ? .works : .fellBack
        } catch {
            self = .noConnection(error)
        }
    }

    static func socket(_ family: Int32, flags: Int32 = 0) throws(Errno) -> Descriptor {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue) | flags
        return Descriptor(
            owning: try retrying { Glibc.socket(family, type, MPTCPIZE_IPPROTO_MPTCP) })
    }

    private static func isSpoken(
        from listener: borrowing Descriptor, _ family: Int32
    ) throws(Errno) -> Bool {
        var address = sockaddr_storage()
        address.ss_family = sa_family_t(family)
        var length = socklen_t(
            family == AF_INET
                ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size)
        // 127.0.0.1, ::1; the port is the kernel's choice.
        withUnsafeMutableBytes(of: &address) { bytes in
            if family == AF_INET {
                bytes[4] = 127
                bytes[7] = 1
            } else {
                bytes[23] = 1
            }
        }
        let number = listener.number
        let client = try socket(family, flags: Int32(SOCK_NONBLOCK.rawValue))
        try withAddress(&address, &length) { (address, length) throws(Errno) in
            _ = try retrying { bind(number, address, length.pointee) }
            _ = try retrying { listen(number, 1) }
            _ = try retrying { getsockname(number, address, length) }
            if connect(client.number, address, length.pointee) != 0, errno != EINPROGRESS {
                throw Errno.last
            }
        }
        try wait(for: number, POLLIN)
        let accepted = Descriptor(owning: try retrying { accept(number, nil, nil) })
        try wait(for: client.number, POLLOUT)
        // Data makes both ends sure of each other.
        try writeAll([0], to: accepted.number)
        try wait(for: client.number, POLLIN)
        guard let info = MPTCPInfo(of: client.number) else { return false }
        return info.flags.contains(.remoteKeyReceived) && !info.flags.contains(.fallback)
    }

    private static func withAddress(
        _ address: inout sockaddr_storage, _ length: inout socklen_t,
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) throws(Errno)
            -> Void
    ) throws(Errno) {
        let storage = UnsafeMutablePointer<sockaddr_storage>.allocate(capacity: 1)
        defer { storage.deallocate() }
        storage.initialize(to: address)
        let raw = UnsafeMutableRawPointer(storage).assumingMemoryBound(to: sockaddr.self)
        try body(raw, &length)
        address = storage.pointee
    }

    private static func wait(for fd: Int32, _ events: Int32) throws(Errno) {
        var poller = pollfd(fd: fd, events: Int16(events), revents: 0)
        // Loopback takes microseconds; a SYN that is dropped takes for ever.
        let count = try retrying { poll(&poller, 1, 3000) }
        if count == 0 { throw Errno(rawValue: ETIMEDOUT) }
    }
}

extension MPTCPInfo {
    /// What the kernel tells of an MPTCP socket of this process; nil where it never asked for
    /// MPTCP.
    init?(of fd: Int32) {
        guard let info = Self.option(of: fd) ?? Self.diagnosis(of: fd) else { return nil }
        self = info
    }

    /// getsockopt(MPTCP_INFO): refused for a socket that has become plain TCP, and by
    /// Linux < 5.16.
    private static func option(of fd: Int32) -> MPTCPInfo? {
        let level: Int32 = 284  // SOL_MPTCP
        let option: Int32 = 1  // MPTCP_INFO
        var buffer = [UInt8](repeating: 0, count: 256)
        var length = socklen_t(buffer.count)
        guard getsockopt(fd, level, option, &buffer, &length) == 0 else { return nil }
        return buffer.withUnsafeBytes { MPTCPInfo(ByteView(.init(rebasing: $0[..<Int(length)]))) }
    }

    /// The same from the list of all sockets, where it has been since Linux 5.9.
    private static func diagnosis(of fd: Int32) -> MPTCPInfo? {
        var status = stat()
        guard fstat(fd, &status) == 0,
            let inventory = try? SocketInventory(over: NetlinkSocket(NETLINK_SOCK_DIAG))
        else { return nil }
        return inventory.mptcp.first { UInt64($0.inode) == UInt64(status.st_ino) }?.mptcp
    }
}
