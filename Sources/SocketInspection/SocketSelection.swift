import Glibc
import LinuxSystem
import Processes

/// Whose sockets are listed.
package enum SocketSelection: Sendable, Equatable {
    case everyone
    case process(Int32)
    /// By the unit's complete name.
    case unit(String)
    case cgroup(String)
    case program(String)

    /// The processes that are meant.
    ///
    /// - Throws: `Failure` where there are none.
    package func processes() throws(Failure) -> ProcessSet {
        switch self {
        case .everyone: return .all
        case .process(let pid):
            guard kill(pid, 0) == 0 || errno == EPERM else {
                throw Failure(
                    .failed, "process \(pid)", "there is none", remedy: "`ps -e` lists them")
            }
            return .some([pid])
        case .unit(let name):
            return try some(
                name, "no process of this unit runs", "`systemctl status \(name)` shows more"
            ) { pid in CgroupUnit.path(Self.cgroupPath(of: pid), isOf: name) }
        case .cgroup(let path):
            let relative = CgroupUnit.path(ofDirectory: path)
            return try some(
                path, "no process runs in this cgroup", "`systemd-cgls` lists all cgroups"
            ) { pid in
                let own = Self.cgroupPath(of: pid)
                return own == relative || relative == "/" || own.hasPrefix(relative + "/")
            }
        case .program(let name):
            return try some(
                name, "no process of this name runs", "`ps -e` lists them"
            ) { pid in Self.names(of: pid).contains(name) }
        }
    }

    private func some(
        _ object: String, _ reason: String, _ remedy: String, where isMeant: (Int32) -> Bool
    ) throws(Failure) -> ProcessSet {
        let pids = processNumbers().filter(isMeant)
        guard !pids.isEmpty else { throw Failure(.failed, object, reason, remedy: remedy) }
        return .some(Set(pids))
    }

    /// The path in the cgroup2 hierarchy, or in systemd's own where that is still version 1.
    package static func cgroupPath(of pid: Int32) -> String {
        let lines = (try? lines(ofFile: "/proc/\(pid)/cgroup")) ?? []
        for prefix in ["0::", "1:name=systemd:"] {
            if let line = lines.first(where: { $0.hasPrefix(prefix) }),
                line.utf8.count > prefix.utf8.count + 1
            {
                return String(line.dropFirst(prefix.count))
            }
        }
        return "/"
    }

    /// The name it gave itself, and its file's.
    private static func names(of pid: Int32) -> [String] {
        let own = (try? lines(ofFile: "/proc/\(pid)/comm"))?.first
        let file = linkTarget("/proc/\(pid)/exe")?.split(separator: "/").last
        return [own, file.map(String.init)].compactMap { $0 }
    }
}

/// A choice of processes.
package enum ProcessSet: Sendable, Equatable {
    case all
    case some(Set<Int32>)

    package func contains(_ pid: Int32) -> Bool {
        switch self {
        case .all: true
        case .some(let pids): pids.contains(pid)
        }
    }
}
