import Glibc
import Launch
import LinuxSystem

extension RunningProcess {
    /// The processes in a unit's cgroup and below, in the order of their numbers.
    ///
    /// - Parameter cgroup: the unit's property ControlGroup; empty where nothing runs.
    package static func all(inCgroupOfUnit cgroup: String) -> [RunningProcess] {
        guard !cgroup.isEmpty, let root = hierarchy else { return [] }
        return pids(below: root + cgroup).sorted().compactMap { RunningProcess(pid: $0) }
    }

    private static func pids(below path: String) -> [Int32] {
        var result = ((try? contents(ofFile: path + "/cgroup.procs")) ?? []).split(separator: 0x0A)
            .compactMap { Int32(String(decoding: $0, as: UTF8.self)) }.filter { $0 > 0 }
        for entry in directoryEntries(path)
        where access("\(path)/\(entry)/cgroup.procs", F_OK) == 0 {
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
