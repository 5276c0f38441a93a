import LinuxSystem

/// The MPTCP counters of a network namespace, since it was made: row MPTcpExt of
/// /proc/net/netstat.
struct MPTCPCounters: Equatable {
    private let values: [String: UInt64]

    /// Those of the calling thread's namespace; empty where the kernel has no MPTCP.
    init() {
        self.init(parsing: (try? lines(ofFile: "/proc/thread-self/net/netstat")) ?? [])
    }

    /// - Parameter rows: a row of names and a row of values for each group.
    init(parsing rows: [String]) {
        let prefix = "MPTcpExt: "
        let own = rows.filter { $0.hasPrefix(prefix) }.map {
            $0.dropFirst(prefix.count).split(separator: " ")
        }
        guard own.count == 2 else {
            values = [:]
            return
        }
        values = Dictionary(
            zip(own[0].map(String.init), own[1].map { UInt64($0) ?? 0 }),
            uniquingKeysWith: { first, _ in first })
    }

    /// 0 for one that this kernel does not have.
    subscript(_ name: String) -> UInt64 { values[name] ?? 0 }
}
