import Glibc

/// One process of a unit, and whether mptcpize has reached it.
public struct UnitProcess: Sendable, Equatable {
    /// How its sockets become MPTCP.
    public enum Reach: String, Sendable {
        /// The preload library is mapped.
        case preload
        /// A Go program that was started with GODEBUG=multipathtcp=1.
        case godebug
        /// Its cgroup is attached to the kernel's hook.
        case bpf
        /// Started before `enable`, or by something that drops LD_PRELOAD.
        case none
        /// /proc does not say: not ours to look at, or just ended.
        case unknown
    }

    public let pid: Int32
    public let program: String
    public internal(set) var reach: Reach
    /// What its sockets are; nil where that was not asked for, or cannot be told.
    public internal(set) var sockets: UnitSockets?

    /// The processes in a unit's cgroup and below, in the order of their numbers.
    ///
    /// - Parameter cgroup: the unit's property ControlGroup; empty where nothing runs.
    public static func all(in cgroup: String) -> [UnitProcess] {
        guard !cgroup.isEmpty, let root = hierarchy else { return [] }
        return pids(below: root + cgroup).sorted().map { UnitProcess(pid: $0) }
    }

    public init(pid: Int32) {
        self.pid = pid
        let comm = (try? contents(ofFile: "/proc/\(pid)/comm")) ?? []
        program = String(decoding: comm.prefix { $0 != 0x0A }, as: UTF8.self)
        guard let maps = try? contents(ofFile: "/proc/\(pid)/maps") else {
            reach = .unknown
            return
        }
        // Go makes its system calls itself, whatever is mapped.
        if let version = Self.goVersion(pid) {
            reach = version.knowsMultipath && Self.hasGoMultipath(pid) ? .godebug : .none
        } else {
            reach = maps.split(separator: 0x0A).contains(where: Self.isOurs) ? .preload : .none
        }
    }

    /// The library is known by its name: services may see it under another path.
    private static func isOurs(_ mapping: ArraySlice<UInt8>) -> Bool {
        let deleted = " (deleted)"
        let path = String(decoding: mapping.drop { $0 != UInt8(ascii: "/") }, as: UTF8.self)
        return PreloadList.isOurs(
            Bytes((path.hasSuffix(deleted) ? path.dropLast(deleted.count) : path[...]).utf8))
    }

    private static func goVersion(_ pid: Int32) -> GoVersion? {
        guard let source = try? HostSystem().open(Bytes("/proc/\(pid)/exe".utf8)) else {
            return nil
        }
        return ELFImage(source)?.goVersion
    }

    private static func hasGoMultipath(_ pid: Int32) -> Bool {
        let environment = (try? contents(ofFile: "/proc/\(pid)/environ")) ?? []
        let value = LaunchEnvironment(environment.split(separator: 0).map { Bytes($0) }).goMultipath
        return value != nil && value != "0"
    }

    private static func pids(below path: String) -> [Int32] {
        var result = ((try? contents(ofFile: path + "/cgroup.procs")) ?? []).split(separator: 0x0A)
            .compactMap { Int32(String(decoding: $0, as: UTF8.self)) }
        // The files of the cgroup itself have a dot in their names, but no unit's suffix.
        for entry in directoryEntries(path) where !entry.contains(".") || UnitName(entry) != nil {
            result += pids(below: "\(path)/\(entry)")
        }
        return result
    }

    /// Where systemd's own cgroup hierarchy is mounted: cgroup2 alone, or beside the
    /// older controllers.
    private static var hierarchy: String? {
        ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"].first {
            access($0 + "/cgroup.procs", F_OK) == 0
        }
    }
}
