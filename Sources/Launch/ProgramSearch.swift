import Glibc
import LinuxSystem

/// Where execvp(3) of glibc would find a program.
package enum ProgramSearch {
    /// What execvp searches when PATH is not set at all (confstr's _CS_PATH).
    static let defaultPath = Bytes("/bin:/usr/bin".utf8)

    /// Tries each place in execvp's order and returns the first that works.
    ///
    /// A name with a slash is not searched for. An empty element of PATH is the
    /// working directory. A place that is missing is passed over; so is one that
    /// may not be executed, which is remembered as the reason if nothing follows;
    /// any other error ends the search.
    ///
    /// - Parameter attempt: What execve would do with a path: its error, or a value.
    package static func find<Found>(
        _ name: Bytes, path: Bytes?, attempt: (Bytes) throws(Unrunnable) -> Found
    ) throws(Unrunnable) -> Found {
        guard !name.isEmpty else { throw Unrunnable(ENOENT) }
        if name.contains(UInt8(ascii: "/")) { return try attempt(name) }
        guard name.count <= Int(NAME_MAX) else { throw Unrunnable(ENAMETOOLONG) }

        var remembered: Unrunnable?
        var missing = Unrunnable(ENOENT)
        let elements = (path ?? defaultPath).split(
            separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        for element in elements {
            guard element.count < Int(PATH_MAX) else { continue }
            let place = element.isEmpty ? name : element + [UInt8(ascii: "/")] + name
            do {
                return try attempt(Bytes(place))
            } catch {
                switch error.errno.rawValue {
                case EACCES, EISDIR: remembered = remembered ?? error
                case ENOENT: if error.missing != nil { missing = error }
                case ESTALE, ENOTDIR, ENODEV, ETIMEDOUT: break
                default: throw error
                }
            }
        }
        throw remembered ?? missing
    }
}

/// Why execve would refuse a file.
package struct Unrunnable: Error, Equatable, Sendable {
    package let errno: Errno
    /// The file that was found, where it is not the path that was tried.
    package let found: Bytes?
    /// The interpreter or loader that the file names and that is not there.
    package let missing: Bytes?

    package init(_ errno: Int32, found: Bytes? = nil, missing: Bytes? = nil) {
        self.errno = Errno(rawValue: errno)
        self.found = found
        self.missing = missing
    }

    /// What the user is told about the program that he asked for.
    package func failure(for name: Bytes) -> Failure {
        let object = (found ?? name).text
        switch errno.rawValue {
        case ENOENT, ENOTDIR:
            if let missing {
                return Failure(
                    .notFound, object, "its interpreter \(missing.text) does not exist",
                    remedy: "install that, or name another in the program")
            }
            if name.contains(UInt8(ascii: "/")) {
                return Failure(
                    .notFound, object, errno.reason, remedy: "check the path of the program")
            }
            return Failure(
                .notFound, object.isEmpty ? "''" : object, "no such program in PATH",
                remedy: "install it, or give its path")
        case EISDIR:
            return Failure(
                .notExecutable, object, "is a directory", remedy: "name a program in it")
        case EACCES:
            return Failure(
                .notExecutable, object, "may not be executed: \(errno.reason)",
                remedy: "see `ls -l` for its permissions and `findmnt -T` for noexec")
        default:
            return Failure(.notExecutable, object, "cannot be executed: \(errno.reason)")
        }
    }
}
