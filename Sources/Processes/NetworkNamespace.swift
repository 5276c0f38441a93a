import CLinux
import Glibc
import LinuxSystem

/// A network namespace, by a file that leads to it.
package struct NetworkNamespace: Sendable {
    /// How the user is told which one it is; nil for the one mptcpize was started in.
    package let label: String?
    private let path: String
    private let inode: UInt64

    /// Where `ip netns` keeps the names it gives.
    package static let namesDirectory = "/run/netns"

    private init(label: String?, path: String) throws(Errno) {
        self.label = label
        self.path = path
        inode = try Self.identity(of: Descriptor.open(path, O_RDONLY | O_NONBLOCK))
    }

    /// - Throws: EINVAL for what is no network namespace: where one had a name and is gone,
    ///   a plain file may be left.
    private static func identity(of file: borrowing Descriptor) throws(Errno) -> UInt64 {
        let getType: UInt = 0xB703  // NS_GET_NSTYPE of linux/nsfs.h, Linux 4.11
        let network: Int32 = 0x4000_0000  // CLONE_NEWNET
        var ignored: Int32 = 0
        guard clinux_ioctl_int(file.number, getType, &ignored) == network else {
            throw Errno(rawValue: EINVAL)
        }
        var status = stat()
        guard fstat(file.number, &status) == 0 else { throw Errno.last }
        return UInt64(status.st_ino)
    }

    /// The namespace that the calling thread is in.
    package static func current() throws(Failure) -> NetworkNamespace {
        let path = "/proc/thread-self/ns/net"
        do throws(Errno) {
            return try NetworkNamespace(label: nil, path: path)
        } catch {
            throw Failure(.failed, path, error.reason, remedy: "is /proc mounted?")
        }
    }

    /// The namespace that `ip netns` calls so, or that a process is in.
    package static func named(_ argument: String) throws(Failure) -> NetworkNamespace {
        do throws(Errno) {
            if let pid = Int32(argument), pid > 0 {
                return try NetworkNamespace(label: argument, path: "/proc/\(pid)/ns/net")
            }
            guard !argument.isEmpty, !argument.contains("/"), argument != ".", argument != ".."
            else { throw Errno(rawValue: EINVAL) }
            return try NetworkNamespace(label: argument, path: "\(namesDirectory)/\(argument)")
        } catch {
            switch error.rawValue {
            case ENOENT:
                throw Failure(
                    .failed, argument, "no such network namespace or process",
                    remedy: "`ip netns` lists names; a PID stands for the namespace it is in")
            case EACCES, EPERM:
                throw Failure(
                    .failed, argument, "you may not look into its network namespace",
                    remedy: "try as root")
            default:
                throw Failure(
                    .usage, argument, "is not the name of a network namespace",
                    remedy: "`ip netns` lists names; a PID stands for the namespace it is in")
            }
        }
    }

    /// All that have a name or a process, this one first. Those that may not be looked at, and
    /// names of which the namespace is gone, are left out.
    package static func all() throws(Failure) -> [NetworkNamespace] {
        var result = [try current()]
        var seen: Set<UInt64> = [result[0].inode]
        func add(_ label: String, _ path: String) {
            guard let found = try? NetworkNamespace(label: label, path: path),
                seen.insert(found.inode).inserted
            else { return }
            result.append(found)
        }
        for name in directoryEntries(namesDirectory) { add(name, "\(namesDirectory)/\(name)") }
        for pid in processNumbers().reversed() { add("\(pid)", "/proc/\(pid)/ns/net") }
        return result
    }

    /// Those that processes are in, this one first if it is among them; and how many processes
    /// may not be looked at.
    package static func of(
        _ pids: Set<Int32>
    ) throws(Failure) -> (namespaces: [NetworkNamespace], closed: Int) {
        let own = try current()
        var named: [UInt64: String] = [:]
        for name in directoryEntries(namesDirectory) {
            if let found = try? NetworkNamespace(label: name, path: "\(namesDirectory)/\(name)") {
                named[found.inode] = name
            }
        }
        var result: [NetworkNamespace] = []
        var seen: Set<UInt64> = []
        var closed = 0
        for pid in pids.sorted() {
            let path = "/proc/\(pid)/ns/net"
            do throws(Errno) {
                let found = try NetworkNamespace(label: "\(pid)", path: path)
                guard seen.insert(found.inode).inserted else { continue }
                if found.isSame(as: own) {
                    result.insert(own, at: 0)
                } else {
                    result.append(
                        try NetworkNamespace(label: named[found.inode] ?? "\(pid)", path: path))
                }
            } catch {
                if [EACCES, EPERM].contains(error.rawValue) { closed += 1 }
            }
        }
        return (result.isEmpty ? [own] : result, closed)
    }

    /// Whether two files lead to the same namespace.
    package func isSame(as other: NetworkNamespace) -> Bool { inode == other.inode }

    /// Whether the name or the process is gone, or now leads to another namespace.
    package var isGone: Bool {
        do throws(Errno) {
            return try Self.identity(of: Descriptor.open(path, O_RDONLY | O_NONBLOCK)) != inode
        } catch {
            return ![EACCES, EPERM].contains(error.rawValue)
        }
    }

    /// Does some work with the calling thread in this namespace.
    package func enter<Result>(
        _ work: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let label else { return try work() }
        let home = try enter(as: label)
        defer {
            // It was this thread's own a moment ago; to go on in another one would be worse.
            precondition(clinux_enter_network_namespace(home.number) == 0, "setns(2) home failed")
        }
        return try work()
    }

    /// Moves the calling thread there, and gives back the namespace it came from.
    private func enter(as label: String) throws(Failure) -> Descriptor {
        do throws(Errno) {
            let home = try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY)
            let target = try Descriptor.open(path, O_RDONLY | O_NONBLOCK)
            // The process may have ended, and its number have gone to another one.
            guard try Self.identity(of: target) == inode else { throw Errno(rawValue: ESRCH) }
            guard clinux_enter_network_namespace(target.number) == 0 else { throw Errno.last }
            return home
        } catch {
            throw Failure(
                .failed, label, "its network namespace cannot be entered: \(error.reason)",
                remedy: error.rawValue == EPERM || error.rawValue == EACCES ? "try as root" : "")
        }
    }
}
