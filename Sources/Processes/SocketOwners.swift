import Glibc
import LinuxSystem

/// A process, as far as the owner of a socket is concerned.
package struct SocketOwner: Hashable, Sendable {
    package let pid: Int32
    /// /proc/PID/comm, as the kernel shows it: any process may name itself anything.
    package let program: String

    package init(pid: Int32, program: String) {
        self.pid = pid
        self.program = program
    }
}

/// Which processes have which sockets open, by the inode in /proc/PID/fd's "socket:[…]".
/// Inodes of sockets are unique on the machine, whatever their network namespace.
package struct SocketOwners: Sendable {
    package private(set) var processes: [SocketOwner] = []
    /// Indices of `processes`, by inode.
    private var holders: [UInt32: [Int32]] = [:]
    /// Whether some process's descriptors may not be looked at: other users' without root.
    package private(set) var isPartial = false

    /// Looks at every process that a filter lets through.
    package init(where isWanted: (Int32) -> Bool) {
        let pids = processNumbers()
        // There always is a first process, unless procfs hides those of others (hidepid=2).
        if pids.last != 1 { isPartial = true }
        for pid in pids where isWanted(pid) { read(pid) }
    }

    /// Nobody.
    package init() {}

    /// The processes that have a socket open, by falling PID: a server's worker before its
    /// parent.
    package func of(inode: UInt32) -> [SocketOwner] {
        guard inode != 0, let indices = holders[inode] else { return [] }
        return indices.map { processes[Int($0)] }
    }

    /// All descriptors that are open on sockets with these inodes, in these processes or any.
    package static func holders(
        of inodes: Set<UInt64>, in pids: [Int32]? = nil
    ) -> [(inode: UInt64, pid: Int32, fd: Int32)] {
        var result: [(inode: UInt64, pid: Int32, fd: Int32)] = []
        for pid in pids ?? processNumbers() {
            let directory = "/proc/\(pid)/fd"
            for name in directoryEntries(directory) {
                guard let fd = Int32(name), let link = linkTarget("\(directory)/\(name)"),
                    link.hasPrefix("socket:["), let inode = UInt64(link.dropFirst(8).dropLast()),
                    inodes.contains(inode)
                else { continue }
                result.append((inode, pid, fd))
            }
        }
        return result
    }

    private mutating func read(_ pid: Int32) {
        guard let listing = opendir("/proc/\(pid)/fd") else {
            // EPERM: procfs with hidepid=1.
            if errno == EACCES || errno == EPERM { isPartial = true }
            return
        }
        defer { closedir(listing) }
        let folder = dirfd(listing)
        var index: Int32?
        while let entry = Glibc.readdir(listing) {
            guard let inode = Self.socketInode(folder, entry) else { continue }
            if index == nil {
                index = Int32(processes.count)
                processes.append(SocketOwner(pid: pid, program: Self.program(folder)))
            }
            // A process may have a socket open twice.
            if holders[inode]?.last != index { holders[inode, default: []].append(index!) }
        }
    }

    /// The name of the process whose fd directory this is, and of no other that was given its
    /// number since; "?" for one that has just ended.
    private static func program(_ folder: Int32) -> String {
        let number = openat(folder, "../comm", O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return "?" }
        let file = Descriptor(owning: number)
        // All of it but the newline behind it: one may be part of the name.
        let text = String(
            decoding: ((try? file.readAll(limit: 64)) ?? []).dropLast(), as: UTF8.self)
        return text.isEmpty ? "?" : text
    }

    /// The inode of a link "socket:[4711]"; nil for other descriptors.
    private static func socketInode(
        _ folder: Int32, _ entry: UnsafeMutablePointer<dirent>
    ) -> UInt32? {
        let prefix = "socket:["
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { target in
            let length = withUnsafePointer(to: &entry.pointee.d_name) { name in
                readlinkat(
                    folder, UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self),
                    target.baseAddress!, target.count)
            }
            guard length > prefix.utf8.count, length < target.count,
                memcmp(target.baseAddress!, prefix, prefix.utf8.count) == 0
            else { return nil }
            var inode: UInt32 = 0
            for character in target[prefix.utf8.count..<length - 1] {
                let digit = UInt8(bitPattern: character) &- UInt8(ascii: "0")
                guard digit < 10 else { return nil }
                inode = inode &* 10 &+ UInt32(digit)
            }
            return inode
        }
    }
}
