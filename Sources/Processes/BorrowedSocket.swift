import CLinux
import Glibc
import LinuxSystem

/// A copy of a socket that another process has open. Needs Linux 5.6 and ptrace's rights over
/// the process.
package struct BorrowedSocket: ~Copyable {
    package let descriptor: Descriptor

    /// - Parameter inode: what the socket's inode number has to be (0: any).
    /// - Throws: EBADF where what the process has open as `fd` is not that socket (any more).
    package init(of pid: Int32, _ fd: Int32, _ inode: UInt64) throws(Errno) {
        let process = Descriptor(owning: try retrying { clinux_pidfd_open(pid) })
        let number = try retrying { clinux_pidfd_getfd(process.number, fd) }
        let copy = Descriptor(owning: number)
        guard inode == 0 || Self.inode(of: number) == inode else { throw Errno(rawValue: EBADF) }
        descriptor = copy
    }

    private static func inode(of socket: Int32) -> UInt64? {
        var status = stat()
        return fstat(socket, &status) == 0 ? UInt64(status.st_ino) : nil
    }
}
