import CLinux
import Glibc
import LinuxSystem
import SocketEvents

/// The questions to the machine on which the start of a program depends.
package protocol LaunchSystem: Sendable {
    /// stat(2): links are followed.
    func status(of path: Bytes) throws(Errno) -> FileStatus
    /// Whether execve would let this process execute the file: permissions of the
    /// file and of its directories, and the mount's noexec.
    func checkExecutable(_ path: Bytes) throws(Errno)
    /// Opens a regular file for reading.
    func open(_ path: Bytes) throws(Errno) -> any ByteSource
    /// The value of an extended attribute; nil when there is none that can be read.
    func extendedAttribute(_ name: String, of path: Bytes) -> Bytes?
    /// Whether the file lies on a mount whose set-id bits and file capabilities do nothing.
    func isOnNosuidMount(_ path: Bytes) -> Bool
    /// realpath(3); nil when the file cannot be found.
    func realPath(of path: Bytes) -> Bytes?
    /// The real user and group: execve compares with these whether privileges change.
    var user: uid_t { get }
    var group: gid_t { get }
    /// PR_SET_NO_NEW_PRIVS is in force.
    var noNewPrivileges: Bool { get }
}

/// What stat(2) says that matters for starting a program.
package struct FileStatus: Equatable, Sendable {
    package var mode: mode_t
    package var user: uid_t
    package var group: gid_t

    package init(mode: mode_t, user: uid_t, group: gid_t) {
        self.mode = mode
        self.user = user
        self.group = group
    }

    package var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
    package var isRegular: Bool { mode & S_IFMT == S_IFREG }
}

/// A file's content at any offset. A class: Embedded Swift (scripts/build-start) knows no other
/// values of a protocol.
package protocol ByteSource: AnyObject {
    /// At most `count` bytes; fewer at the end of the file, none past it or on an error.
    func read(at offset: UInt64, count: Int) -> Bytes
}

/// The machine that mptcpize runs on.
package struct HostSystem: LaunchSystem {
    package init() {}

    package func status(of path: Bytes) throws(Errno) -> FileStatus {
        var status = stat()
        guard stat(path.cString, &status) == 0 else { throw Errno.last }
        return FileStatus(mode: status.st_mode, user: status.st_uid, group: status.st_gid)
    }

    package func checkExecutable(_ path: Bytes) throws(Errno) {
        // execve checks the effective user, access(2) the real one.
        guard faccessat(AT_FDCWD, path.cString, X_OK, AT_EACCESS) == 0 else { throw Errno.last }
    }

    package func open(_ path: Bytes) throws(Errno) -> any ByteSource {
        FileSource(try Descriptor.open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK))
    }

    package func extendedAttribute(_ name: String, of path: Bytes) -> Bytes? {
        var value = Bytes(repeating: 0, count: 256)
        let length = getxattr(path.cString, name, &value, value.count)
        return length < 0 ? nil : Bytes(value.prefix(length))
    }

    package func isOnNosuidMount(_ path: Bytes) -> Bool {
        var mount = statvfs()
        guard statvfs(path.cString, &mount) == 0 else { return false }
        return mount.f_flag & UInt(ST_NOSUID) != 0
    }

    /// Whether the file lies on a mount of which nothing can be mapped as program text.
    package func isOnNoexecMount(_ path: Bytes) -> Bool {
        let noexec: UInt = 8  // ST_NOEXEC of sys/statvfs.h, a GNU name
        var mount = statvfs()
        return statvfs(path.cString, &mount) == 0 && mount.f_flag & noexec != 0
    }

    package func realPath(of path: Bytes) -> Bytes? {
        guard let resolved = realpath(path.cString, nil) else { return nil }
        defer { free(resolved) }
        return Bytes(cString: resolved)
    }

    package var user: uid_t { getuid() }
    package var group: gid_t { getgid() }
    package var noNewPrivileges: Bool { clinux_no_new_privileges() == 1 }
}

extension LibraryLocator {
    /// The locator of this very process.
    ///
    /// - Parameter environment: Where MPTCPIZE_LIBRARY may be set.
    package static func host(environment: [Bytes]) -> LibraryLocator {
        let mayOverride = getauxval(UInt(AT_SECURE)) == 0
        return LibraryLocator(
            executable: Installation().executable,
            override: mayOverride
                ? LaunchEnvironment(environment).value(of: MPTCPIZE_ENV_LIBRARY) : nil,
            on: HostSystem())
    }
}

/// A file that is read where it lies.
private final class FileSource: ByteSource {
    private let file: Descriptor

    init(_ file: consuming Descriptor) { self.file = file }

    func read(at offset: UInt64, count: Int) -> Bytes {
        guard offset <= UInt64(off_t.max) else { return [] }
        return Bytes(unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let place = off_t(offset) + off_t(filled)
                let got = try? retrying {
                    pread(file.number, buffer.baseAddress! + filled, count - filled, place)
                }
                guard let got, got > 0 else { return }
                filled += got
            }
        }
    }
}
