import CLinux
import Glibc

/// A file descriptor that is closed when its owner goes.
package struct Descriptor: ~Copyable, Sendable {
    package let number: Int32

    /// Takes over a descriptor that nobody else closes.
    package init(owning number: Int32) { self.number = number }

    deinit { _ = close(number) }

    /// Opens a file close-on-exec, on a number above the standard streams: with
    /// those closed, a file of ours must not become the program's stdout.
    package static func open(
        _ path: String, _ flags: Int32, mode: mode_t = 0
    ) throws(Errno) -> Descriptor {
        try open(Bytes(path.utf8), flags, mode: mode)
    }

    /// The same for a path that need not be UTF-8.
    package static func open(
        _ path: Bytes, _ flags: Int32, mode: mode_t = 0
    ) throws(Errno) -> Descriptor {
        let name = path.cString
        let opened = try retrying { Glibc.open(name, flags | O_CLOEXEC, mode) }
        guard opened <= STDERR_FILENO else { return Descriptor(owning: opened) }
        let moved = fcntl(opened, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
        let error = Errno.last
        _ = close(opened)
        guard moved >= 0 else { throw error }
        return Descriptor(owning: moved)
    }
}

/// Calls until the answer is not EINTR; throws the errno of -1.
package func retrying<Result: SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
    while true {
        let result = call()
        if result != -1 { return result }
        let error = Errno.last
        if error.rawValue != EINTR { throw error }
    }
}

/// Writes all bytes, whatever the sizes of the single writes, and whether or not somebody
/// who shares the open file has made it non-blocking.
package func writeAll(_ bytes: some Collection<UInt8>, to fd: Int32) throws(Errno) {
    let buffer = ContiguousArray(bytes)
    var offset = 0
    while offset < buffer.count {
        do throws(Errno) {
            offset += try retrying {
                buffer.withUnsafeBytes { write(fd, $0.baseAddress! + offset, $0.count - offset) }
            }
        } catch {
            guard error.rawValue == EAGAIN else { throw error }
            var room = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
            _ = try retrying { poll(&room, 1, -1) }
        }
    }
}

/// Closes all descriptors from one number to another, both included. Where the kernel cannot
/// close ranges (Linux < 5.9), those that /proc tells of, since the limit can be a thousand
/// million; without /proc, each number up to the limit.
package func closeRange(_ first: Int32, _ last: Int32) {
    if clinux_close_range(UInt32(first), UInt32(last)) == 0 { return }
    let open = directoryEntries("/proc/self/fd").compactMap { Int32($0) }
    if open.isEmpty {
        let limit = Int32(clamping: sysconf(Int32(_SC_OPEN_MAX)))
        for number in first...max(first, min(last, limit - 1)) { close(number) }
    } else {
        for number in open where number >= first && number <= last { close(number) }
    }
}
