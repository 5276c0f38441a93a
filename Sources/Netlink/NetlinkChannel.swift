import CLinux
import Glibc
import LinuxSystem

/// What the netlink layer needs of a socket. Tests answer with recorded dumps.
package protocol NetlinkChannel: ~Copyable {
    func send(_ message: [UInt8]) throws(Errno)

    /// One datagram, whole: EMSGSIZE where the buffer is too small for it.
    func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int
}

/// A netlink socket of the kernel. It belongs to the network namespace that the calling
/// thread is in when it is made.
package struct NetlinkSocket: ~Copyable, NetlinkChannel {
    private let descriptor: Descriptor

    /// - Parameter family: NETLINK_SOCK_DIAG, NETLINK_GENERIC or NETLINK_ROUTE.
    package init(_ family: Int32) throws(Errno) {
        let type = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue)
        self.init(owning: Descriptor(owning: try retrying { socket(AF_NETLINK, type, family) }))
        // The kernel answers at once; should it ever drop an answer, nobody waits for good.
        set(SOL_SOCKET, SO_RCVTIMEO, timeval(tv_sec: 10, tv_usec: 0))
    }

    private init(owning descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// Subscribes to a multicast group.
    package func join(group: UInt32) throws(Errno) {
        // Without a port of its own it would count as the sender, the kernel, and be left out.
        var own = sockaddr_nl()
        own.nl_family = sa_family_t(AF_NETLINK)
        let number = descriptor.number
        _ = try retrying {
            withUnsafePointer(to: own) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(number, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
                }
            }
        }
        guard set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group) else { throw Errno.last }
    }

    /// For poll(2).
    package var number: Int32 { descriptor.number }

    /// Lets more wait to be received than the system's default, and where that is allowed, than its
    /// limit.
    package func makeRoom(_ bytes: Int32) {
        if !set(SOL_SOCKET, SO_RCVBUFFORCE, bytes) { set(SOL_SOCKET, SO_RCVBUF, bytes) }
    }

    /// Whether something can be received within a time.
    package func waits(milliseconds: Int32) -> Bool {
        var poller = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        return poll(&poller, 1, milliseconds) > 0
    }

    package func send(_ message: [UInt8]) throws(Errno) {
        var kernel = sockaddr_nl()
        kernel.nl_family = sa_family_t(AF_NETLINK)
        let number = descriptor.number
        _ = try retrying {
            message.withUnsafeBytes { bytes in
                withUnsafePointer(to: kernel) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        sendto(
                            number, bytes.baseAddress, bytes.count, 0, $0,
                            socklen_t(MemoryLayout<sockaddr_nl>.size))
                    }
                }
            }
        }
    }

    package func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        let number = descriptor.number
        while true {
            var sender = sockaddr_nl()
            var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
            let count = try retrying {
                withUnsafeMutablePointer(to: &sender) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        recvfrom(
                            number, buffer.baseAddress, buffer.count, Int32(MSG_TRUNC),
                            $0, &length)
                    }
                }
            }
            // Other processes can send to this socket; the kernel's port is 0.
            guard sender.nl_pid == 0 else { continue }
            guard count <= buffer.count else { throw Errno(rawValue: EMSGSIZE) }
            return count
        }
    }

    @discardableResult
    private func set<Value>(_ level: Int32, _ name: Int32, _ value: Value) -> Bool {
        withUnsafeBytes(of: value) {
            setsockopt(descriptor.number, level, name, $0.baseAddress, socklen_t($0.count)) == 0
        }
    }
}
