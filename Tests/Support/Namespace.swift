import Foundation

/// A network namespace for one test, with its loopback up. It ends with this object, and needs root
/// and ip(8).
public final class Namespace: Sendable {
    /// The name ip(8) knows it by: unique on the machine.
    public let name: String

    private static let count = Counter()

    /// - Parameter label: a word for people who look at `ip netns` meanwhile.
    public init(_ label: String = "test") throws {
        // scripts/test sweeps up what has this form and whose process is gone.
        name = "mptcpize-\(getpid())-\(Self.count.next())-\(label)"
        try mustRun(["ip", "netns", "add", name])
        try ip("link", "set", "lo", "up")
    }

    deinit {
        _ = try? run(["ip", "netns", "delete", name])
    }

    /// What to put before a command's arguments to have it run in here. nsenter, not
    /// `ip netns exec`: that one mounts a new /sys and hides /sys/fs/bpf and cgroups.
    public var prefix: [String] { ["nsenter", "--net=/run/netns/\(name)", "--"] }

    /// Whether a process is in it.
    public func contains(_ pid: pid_t) -> Bool {
        var (own, process) = (stat(), stat())
        return stat("/run/netns/\(name)", &own) == 0
            && stat("/proc/\(pid)/ns/net", &process) == 0
            && own.st_dev == process.st_dev && own.st_ino == process.st_ino
    }

    /// Runs ip(8) in the namespace. Not as `ip -n`, which mounts a new /sys, and may not do so in
    /// a container's user namespaces.
    @discardableResult
    public func ip(_ arguments: String...) throws -> String {
        try mustRun(["ip"] + arguments, in: self)
    }

    /// Reads a sysctl, by its path under /proc/sys ("net/mptcp/enabled").
    public func sysctl(_ path: String) throws -> String {
        try mustRun(["cat", "/proc/sys/\(path)"], in: self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Sets a sysctl, by its path under /proc/sys.
    public func sysctl(_ path: String, _ value: String) throws {
        try mustRun(["tee", "/proc/sys/\(path)"], input: value, in: self)
    }

    /// Switches MPTCP on or off (net.mptcp.enabled) for all programs in here.
    public func setMPTCP(enabled: Bool) throws {
        try sysctl("net/mptcp/enabled", enabled ? "1" : "0")
    }

    /// The MPTCP counters by their kernel names ("MPCapableSYNACKRX"): row MPTcpExt of
    /// /proc/net/netstat. They count from the namespace's birth.
    public func counters() throws -> [String: Int] {
        let rows = try mustRun(["cat", "/proc/net/netstat"], in: self)
            .split(separator: "\n").filter { $0.hasPrefix("MPTcpExt:") }
            .map { $0.split(separator: " ").dropFirst() }
        guard rows.count == 2 else { return [:] }
        return Dictionary(
            zip(rows[0].map(String.init), rows[1].map { Int($0) ?? 0 }),
            uniquingKeysWith: { first, _ in first })
    }

    /// Joins two namespaces by a pair of veth devices of one name, each with an address
    /// ("10.1.1.1/24", "fd01::1/64").
    public static func connect(
        _ one: Namespace, _ address: String, _ other: Namespace, _ otherAddress: String,
        device: String = "eth0"
    ) throws {
        try one.ip(
            "link", "add", device, "type", "veth", "peer", "name", device, "netns", other.name)
        for (namespace, address) in [(one, address), (other, otherAddress)] {
            // Without nodad, an IPv6 address cannot be used for the first second.
            let duplicates = address.contains(":") ? ["nodad"] : []
            try mustRun(
                ["ip", "address", "add", address, "dev", device] + duplicates, in: namespace)
            try namespace.ip("link", "set", device, "up")
        }
    }
}

/// Numbers, each given out once.
final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var value = 0

    func next() -> Int {
        lock.withLock {
            value += 1
            return value
        }
    }
}
