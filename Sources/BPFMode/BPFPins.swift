import CLinux
import Glibc
import LinuxSystem

/// Where the program is pinned in the BPF file system.
///
///     /sys/fs/bpf/mptcpize/          root's, mode 0700
///     /sys/fs/bpf/mptcpize/current/  the program in force: its link and its maps
///     /sys/fs/bpf/mptcpize/next/     one that is being put there, or being removed
///
/// `current` is installed and removed by one rename. The next command removes what a
/// killed one left in `next`.
enum BPFPins {
    static let mount = "/sys/fs/bpf"
    static let base = "/sys/fs/bpf/mptcpize"
    static let current = "/sys/fs/bpf/mptcpize/current"
    static let next = "/sys/fs/bpf/mptcpize/next"

    /// statfs(2) f_type of a BPF file system: BPF_FS_MAGIC of linux/magic.h.
    private static let magic: Int64 = 0xCAFE_4A11

    /// Whether anything of ours is pinned.
    ///
    /// - Throws: Failure when the directory is not root's alone: wherever the BPF file
    ///   system is mounted with the kernel's own mode, 1777, users can plant one.
    static func exist() throws(Failure) -> Bool {
        do throws(Errno) {
            let directory = try Descriptor.open(base, clinux_o_path | O_NOFOLLOW | O_DIRECTORY)
            var status = stat()
            guard fstat(directory.number, &status) == 0 else { throw Errno.last }
            guard status.st_uid == 0, status.st_mode & 0o077 == 0 else {
                throw Errno(rawValue: ENOTDIR)
            }
            return true
        } catch {
            if error.rawValue == ENOENT { return false }
            if error.rawValue == ENOTDIR || error.rawValue == ELOOP {
                throw Failure(
                    .failed, base, "is not a directory that belongs to root alone",
                    remedy: "find out who made it, then: rm -r \(base)")
            }
            throw Failure(.failed, base, error.reason)
        }
    }

    /// Mounts the BPF file system if it is not, and makes our directory in it.
    static func prepare() throws(Failure) {
        let type: Int64
        do throws(Errno) {
            let directory = try Descriptor.open(mount, clinux_o_path | O_DIRECTORY)
            type = clinux_file_system_type(directory.number)
        } catch {
            throw Failure(
                .failed, mount, error.reason,
                remedy: "this needs sysfs and a kernel with CONFIG_BPF_SYSCALL")
        }
        if type != magic {
            let flags = UInt(MS_NOSUID | MS_NODEV | MS_NOEXEC)
            guard Glibc.mount("bpf", mount, "bpf", flags, "mode=0700") == 0 else {
                throw Failure(
                    .failed, mount, "cannot mount the BPF file system: \(Errno.last.reason)",
                    remedy: "try: mount -t bpf bpf \(mount)")
            }
        }
        guard mkdir(base, 0o700) == 0 || errno == EEXIST else {
            throw Failure(.failed, base, Errno.last.reason)
        }
        _ = try exist()
    }

    /// The names in a directory of pins.
    ///
    /// - Throws: ENOENT when there is no such directory.
    static func names(in directory: String) throws(Errno) -> [String] {
        guard let stream = opendir(directory) else { throw Errno.last }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    /// Takes away a directory of pins. With the link's the program goes, if no other
    /// link holds it.
    static func remove(_ directory: String) throws(Errno) {
        let names: [String]
        do throws(Errno) {
            names = try Self.names(in: directory)
        } catch {
            if error.rawValue == ENOENT { return }
            throw error
        }
        for name in names {
            guard unlink("\(directory)/\(name)") == 0 else { throw Errno.last }
        }
        guard rmdir(directory) == 0 else { throw Errno.last }
    }

    /// Takes everything away, whatever version of mptcpize put it there.
    static func removeAll() throws(Errno) {
        try remove(next)
        // From here on nothing is attached, as far as any later command can see.
        if clinux_rename_new(AT_FDCWD, current, next) != 0 {
            let error = Errno.last
            if error.rawValue != ENOENT { throw error }
        }
        try remove(next)
        guard rmdir(base) == 0 || errno == ENOENT else { throw Errno.last }
    }
}
