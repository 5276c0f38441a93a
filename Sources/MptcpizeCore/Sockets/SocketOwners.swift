import Glibc

/// A process, as far as the owner of a socket is concerned.
public struct SocketOwner: Hashable, Sendable {
    public let pid: Int32
    /// /proc/PID/comm, as the kernel shows it: any process may name itself anything.
    public let program: String

    public init(pid: Int32, program: String) {
        self.pid = pid
        self.program = program
    }
}

/// Which processes have which sockets open, by the inode in /proc/PID/fd's "socket:[…]".
/// Inodes of sockets are unique on the machine, whatever their network namespace.
public struct SocketOwners: Sendable {
    public private(set) var processes: [SocketOwner] = []
    /// Indices of `processes`, by inode.
    private var holders: [UInt32: [Int32]] = [:]
    /// Whether some process's descriptors may not be looked at: other users' without root.
    public private(set) var isPartial = false

    /// Looks at every process that a filter lets through.
    ///
    /// - Parameter proc: where procfs is.
    public init(proc: String = "/proc", where isWanted: (Int32) -> Bool = { _ in true }) {
        for pid in processNumbers(proc: proc) where isWanted(pid) {
            read(pid, "\(proc)/\(pid)")
        }
    }

    public init() {}

    /// The processes that have a socket open, by falling PID: a server's worker before its
    /// parent.
    public func of(inode: UInt32) -> [SocketOwner] {
        guard inode != 0, let indices = holders[inode] else { return [] }
        return indices.map { processes[Int($0)] }
    }

    /// All descriptors that are open on sockets with these inodes.
    static func holders(
        of inodes: Set<UInt64>, proc: String = "/proc"
    ) -> [(inode: UInt64, pid: Int32, fd: Int32)] {
        var result: [(inode: UInt64, pid: Int32, fd: Int32)] = []
        for pid in processNumbers(proc: proc) {
            let directory = "\(proc)/\(pid)/fd"
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

    private mutating func read(_ pid: Int32, _ directory: String) {
        guard let listing = opendir("\(directory)/fd") else {
            if errno == EACCES { isPartial = true }
            return
        }
        defer { closedir(listing) }
        let folder = dirfd(listing)
        var index: Int32?
        while let entry = Glibc.readdir(listing) {
            guard let inode = Self.socketInode(folder, entry) else { continue }
            if index == nil {
                index = Int32(processes.count)
                let name = (try? lines(ofFile: "\(directory)/comm"))?.first ?? "?"
                processes.append(SocketOwner(pid: pid, program: name))
            }
            // A process may have a socket open twice.
            if holders[inode]?.last != index { holders[inode, default: []].append(index!) }
        }
    }

    /// The inode of a link "socket:[4711]"; nil for other descriptors.
    private static func socketInode(
        _ folder: Int32, _ entry: UnsafeMutablePointer<dirent>
    ) -> UInt32? {
        let name = UnsafeRawPointer(entry).advanced(by: MemoryLayout<dirent>.offset(of: \.d_name)!)
            .assumingMemoryBound(to: CChar.self)
        let prefix = "socket:["
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { target in
            let length = readlinkat(folder, name, target.baseAddress!, target.count)
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
