import CLinux
import Glibc
import LinuxSystem

/// Where the two programs of an installation are (scripts/install):
///
/// - PREFIX/bin/mptcpize, which everybody types and names. It only starts programs
///   (`MptcpizeStart`).
/// - PREFIX/libexec/mptcpize, the whole command, which the first one becomes for all else.
///
/// Where the first one cannot be built, the whole command is in its place.
package struct Installation {
    /// The real path of this very program; nil when it is not known.
    package let executable: Bytes?

    /// The installation of this very process.
    package init() {
        let system = HostSystem()
        let named = Self.executedName.flatMap { system.realPath(of: $0) }
        executable = system.realPath(of: Bytes("/proc/self/exe".utf8)) ?? named
    }

    /// Whether a program is an mptcpize. That one need not be reached: it passes the environment on,
    /// and what it connects itself is MPTCP where it is to be.
    package static func isCommand(_ path: Bytes) -> Bool {
        path.lastPathComponent == Bytes("mptcpize".utf8)
    }

    /// The path by which others are to start mptcpize; nil when it is not known.
    package var command: Bytes? {
        guard let executable, let folder = executable.directory,
            folder.lastPathComponent == Bytes("libexec".utf8), let prefix = folder.directory
        else { return executable }
        let command = (prefix == Bytes("/".utf8) ? [] : prefix) + "/bin/mptcpize".utf8
        return access(command.cString, X_OK) == 0 ? command : executable
    }

    /// The whole command's real path, for the program that only starts others; nil where there is
    /// none. It is looked for as the preload library is: see `LibraryLocator`. Never this program, by
    /// whatever link or copy in its place: it would become itself for ever.
    package var wholeCommand: Bytes? {
        var prefixes: [Bytes] = []
        if let folder = executable?.directory {
            if folder.lastPathComponent == Bytes("libexec".utf8) { return nil }
            if let prefix = folder.directory {
                prefixes.append(prefix == Bytes("/".utf8) ? [] : prefix)
            }
        }
        prefixes += [Bytes("/usr/local".utf8), Bytes("/usr".utf8)]
        for prefix in prefixes {
            let path = HostSystem().realPath(of: prefix + "/libexec/mptcpize".utf8)
            if let path, path != executable { return path }
        }
        return nil
    }

    /// What execve was given (AT_EXECFN): /proc may not be mounted, or show a file that an upgrade
    /// has just replaced. In a process with AT_SECURE, it is the caller's to choose.
    private static var executedName: Bytes? {
        guard getauxval(UInt(AT_SECURE)) == 0,
            let name = UnsafePointer<CChar>(bitPattern: getauxval(UInt(AT_EXECFN)))
        else { return nil }
        return Bytes(cString: name)
    }
}
