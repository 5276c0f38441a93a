import CLinux
import Glibc
import LinuxSystem

/// The mounted cgroup2 file system.
package struct CgroupHierarchy: ~Copyable {
    private let mount: Descriptor
    package let mountPoint: String
    /// Whether the mount shows the hierarchy from its very root.
    private let isWhole: Bool

    /// statfs(2) f_type: CGROUP2_SUPER_MAGIC and CGROUP_SUPER_MAGIC of linux/magic.h.
    private static let magic: Int64 = 0x6367_7270
    private static let magicOfVersion1: Int64 = 0x27_E0EB
    /// The inode number of every kernfs root directory.
    private static let rootInode: UInt64 = 1

    /// Finds the first mount of cgroup2.
    package init() throws(Failure) {
        var found: String?
        for line in (try? lines(ofFile: "/proc/self/mounts")) ?? [] where found == nil {
            // proc(5): device, mount point (white space in it as octal escapes), type, …
            let fields = line.split(separator: " ")
            if fields.count > 2, fields[2] == "cgroup2" { found = String(fields[1]) }
        }
        guard let found else {
            throw Failure(
                .failed, "cgroup2", "is not mounted",
                remedy: "try: mount -t cgroup2 cgroup2 /sys/fs/cgroup")
        }
        do throws(Errno) {
            mount = try Descriptor.open(found, O_RDONLY | O_DIRECTORY)
        } catch {
            throw Failure(.failed, found, error.reason)
        }
        isWhole = (try? Self.inode(mount.number)) == Self.rootInode
        mountPoint = found
    }

    /// The cgroup of a directory.
    ///
    /// No part of the path may be a symbolic link: whoever may plant one could have root
    /// select another cgroup than it meant.
    package func cgroup(path: String) throws(Failure) -> Cgroup {
        let example = "give a directory under \(mountPoint)"
        let opened = clinux_open_without_links(
            AT_FDCWD, path, clinux_o_path | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else {
            let error = Errno.last
            switch error.rawValue {
            case ENOENT: throw Failure(.failed, path, "no such cgroup", remedy: example)
            case ENOTDIR: throw Failure(.failed, path, "is not a cgroup", remedy: example)
            case ELOOP:
                throw Failure(
                    .failed, path, "there is a symbolic link in this path",
                    remedy: "give the path without it")
            default: throw Failure(.failed, path, error.reason, remedy: example)
            }
        }
        let directory = Descriptor(owning: opened)
        let type = clinux_file_system_type(directory.number)
        if type == Self.magicOfVersion1 {
            throw Failure(
                .failed, path, "is a cgroup of version 1, which BPF cannot identify",
                remedy: example)
        }
        guard type == Self.magic else {
            throw Failure(.failed, path, "is not a cgroup", remedy: example)
        }
        do throws(Errno) {
            return cgroup(id: try Self.inode(directory.number), named: path)
        } catch {
            throw Failure(.failed, path, error.reason)
        }
    }

    /// The cgroup that a process is in.
    package func cgroup(pid: Int32) throws(Failure) -> Cgroup {
        let object = "process \(pid)"
        let memberships: [String]
        do throws(Errno) {
            memberships = try lines(ofFile: "/proc/\(pid)/cgroup")
        } catch {
            let isGone = error.rawValue == ENOENT || error.rawValue == ESRCH
            throw Failure(.failed, object, isGone ? "there is none" : error.reason)
        }
        // "0::/system.slice/x.service"; of a cgroup that is gone, with " (deleted)".
        guard let line = memberships.first(where: { $0.hasPrefix("0::/") }) else {
            throw Failure(.failed, object, "is in no cgroup of version 2")
        }
        let relative = line.dropFirst(3)
        guard !relative.hasPrefix("/..") else {
            throw Failure(
                .failed, object, "its cgroup is outside of this cgroup namespace",
                remedy: "run mptcpize on the host")
        }
        return try cgroup(relative: String(relative))
    }

    /// The cgroup of a path that starts at the hierarchy's root: "/system.slice/x.service".
    package func cgroup(relative: String) throws(Failure) -> Cgroup {
        try cgroup(path: directory(ofPath: relative))
    }

    /// The directory that such a path stands for.
    package func directory(ofPath relative: String) -> String {
        relative == "/" ? mountPoint : mountPoint + relative
    }

    /// Where a cgroup is now.
    package enum Location: Equatable {
        case at(String)
        case gone
        /// The kernel does not tell, as in containers.
        case unknown

        package var path: String? {
            if case .at(let path) = self { path } else { nil }
        }
    }

    /// The directory of the cgroup with this id, as O_PATH opens it.
    package func directory(of id: UInt64) throws(Errno) -> Descriptor {
        let opened = clinux_open_kernfs(mount.number, id, clinux_o_path | O_CLOEXEC)
        guard opened >= 0 else { throw Errno.last }
        return Descriptor(owning: opened)
    }

    /// Where the cgroup with this id is now.
    package func location(of id: UInt64) -> Location {
        let directory: Descriptor
        do throws(Errno) {
            directory = try self.directory(of: id)
        } catch {
            return error.rawValue == ESTALE || error.rawValue == ENOENT ? .gone : .unknown
        }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/fd/\(directory.number)", &buffer, buffer.count)
        guard length > 0 else { return .unknown }
        return .at(
            String(decoding: buffer.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self))
    }

    private func cgroup(id: UInt64, named: String) -> Cgroup {
        // The same cgroup may be visible in several places; this is the one that lasts.
        let path = location(of: id).path ?? named
        guard isWhole else { return Cgroup(id: id, path: path, depth: nil) }
        let levels = path.split(separator: "/").count - mountPoint.split(separator: "/").count
        return Cgroup(id: id, path: path, depth: UInt32(max(levels, 0)))
    }

    private static func inode(_ fd: Int32) throws(Errno) -> UInt64 {
        var status = stat()
        guard fstat(fd, &status) == 0 else { throw Errno.last }
        return UInt64(status.st_ino)
    }
}
