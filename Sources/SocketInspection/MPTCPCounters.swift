import LinuxSystem

/// The MPTCP counters of a network namespace, since it was made: row MPTcpExt of
/// /proc/net/netstat.
package struct MPTCPCounters {
    /// By the kernel's names, in its order.
    package let all: [(name: String, value: UInt64)]
    private let values: [String: UInt64]

    /// Those of the calling thread's namespace; empty where the kernel has no MPTCP.
    package init() {
        self.init(parsing: (try? lines(ofFile: "/proc/thread-self/net/netstat")) ?? [])
    }

    /// - Parameter rows: a row of names and a row of values for each group.
    init(parsing rows: [String]) {
        let prefix = "MPTcpExt: "
        let own = rows.filter { $0.hasPrefix(prefix) }.map {
            $0.dropFirst(prefix.count).split(separator: " ")
        }
        guard own.count == 2 else {
            all = []
            values = [:]
            return
        }
        all = zip(own[0], own[1]).map { (String($0), UInt64($1) ?? 0) }
        values = Dictionary(
            all.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    /// 0 for one that this kernel does not have.
    package subscript(_ name: String) -> UInt64 { values[name] ?? 0 }

    /// Which counter tells of which cause of a fallback: calls of mptcp_early_fallback and
    /// __mptcp_try_fallback in net/mptcp, Linux 6.18.
    private static let causes = [
        ("MPCapableFallbackSYNACK", "answer_without_option"),
        ("MPCapableFallbackACK", "ack_without_option"),
        ("MPCapableDataFallback", "data_without_option"),
        ("MPCapableSYNTXDrop", "syn_dropped"),
        ("MPCapableSYNTXDisabled", "blackhole"),
        ("MPFallbackTokenInit", "no_token"),
        ("MD5SigFallback", "md5_signature"),
        ("SimultConnectFallback", "simultaneous_connect"),
        ("DssFallback", "bad_mapping"),
        ("DSSCorruptionFallback", "data_changed"),
        ("InfiniteMapTx", "checksum"),
        ("InfiniteMapRx", "peer_fell_back"),
    ]

    /// Connections that fell back, by cause: of those that this kernel counts.
    package var fallbacks: [(cause: String, count: UInt64)] {
        Self.causes.compactMap { name, cause in values[name].map { (cause, $0) } }
    }
}
