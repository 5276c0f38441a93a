import Foundation
import Testing

/// Something that a test needs and a machine may lack. If it is missing, the test is skipped
/// with the reason; with MPTCPIZE_EXPECT_ALL=1, the test runs and fails instead.
///
/// What a machine allows is found out by doing it once: root of a container may do less than
/// root, and an ordinary user may do more with user namespaces.
public struct Requirement: Sendable {
    public let name: String
    private let answer: Answer

    public init(_ name: String, isMet: @escaping @Sendable () -> Bool) {
        self.name = name
        answer = Answer(isMet)
    }

    /// Asked at most once.
    public func isMet() -> Bool { answer.value }

    private final class Answer: @unchecked Sendable {
        private let lock = NSLock()
        private let ask: @Sendable () -> Bool
        private var known: Bool?

        init(_ ask: @escaping @Sendable () -> Bool) { self.ask = ask }

        var value: Bool {
            lock.withLock {
                let value = known ?? ask()
                known = value
                return value
            }
        }
    }

    /// Root that may become any other user and give files away.
    public static let root = Requirement("root") {
        geteuid() == 0
            && succeeds("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "true")
    }

    /// A running kernel that gives out MPTCP sockets.
    public static let mptcp = Requirement("a kernel with MPTCP switched on") {
        let socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 262)
        if socket >= 0 { close(socket) }
        return socket >= 0
    }

    /// The library's own sign, SO_PASSRIGHTS, which is known but not for these sockets.
    public static let stallingKernel = Requirement(
        "a kernel whose MPTCP stalls (Linux 6.16 or newer)"
    ) {
        let socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 262)
        defer { close(socket) }
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(socket, SOL_SOCKET, 83, &value, &length) != 0 && errno == EOPNOTSUPP
    }

    /// Network namespaces with links between them, as Namespace makes them, for programs that
    /// become other users too.
    public static let namespaces = Requirement(
        "network namespaces (CAP_SYS_ADMIN, CAP_NET_ADMIN)"
    ) {
        guard let namespace = try? Namespace("probe") else { return false }
        return (try? namespace.ip("link", "add", "probe0", "type", "veth")) != nil
            && succeeds(namespace.prefix + ["true"])
    }

    /// A mount namespace in which this process may mount.
    public static let mounts = Requirement("mounts of its own (CAP_SYS_ADMIN)") {
        succeeds("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt")
    }

    /// A cgroup of its own in the unified hierarchy.
    public static let cgroups = Requirement("a writable cgroup2 hierarchy") {
        let hierarchy = try? run(["findmnt", "-n", "-f", "-o", "TARGET", "-t", "cgroup2"]).output
        guard let hierarchy = hierarchy?.split(separator: "\n").first else { return false }
        let path = "\(hierarchy)/mptcpize-\(getpid())-probe"
        defer { rmdir(path) }
        return mkdir(path, 0o755) == 0
    }

    /// nftables, in a network namespace of the test's own.
    public static let nftables = Requirement("nft, and a kernel with nftables") {
        succeeds("unshare", "--net", "nft", "add", "table", "inet", "probe")
    }

    /// Programs that may be traced.
    public static let tracing = Requirement("strace, and leave to trace (ptrace)") {
        succeeds("strace", "-o", "/dev/null", "true")
    }

    /// Programs with the same addresses each time they start.
    public static let fixedAddresses = Requirement("leave for setarch -R (personality)") {
        succeeds("setarch", "-R", "true")
    }

    private static func succeeds(_ command: String...) -> Bool { succeeds(command) }

    private static func succeeds(_ command: [String]) -> Bool {
        (try? run(command))?.succeeded ?? false
    }

    /// Virtual machines, as Lab.boot starts them.
    public static let virtualMachines = Requirement("qemu-system-x86_64 and busybox") {
        Environment.find("qemu-system-x86_64") != nil && Environment.find("busybox") != nil
    }

    /// A machine with a systemd of its own, as SystemdMachine starts it.
    public static let systemdMachines = Requirement(
        "a kernel with MPTCP, systemd, python3, and namespaces and a cgroup of its own"
    ) {
        root.isMet() && mptcp.isMet() && mounts.isMet()
            && ["systemctl", "python3"].allSatisfy { Environment.find($0) != nil }
            && succeeds(
                "unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "--net", "--cgroup",
                "true")
            && (cgroups.isMet()
                || succeeds("unshare", "--mount", "mount", "-t", "cgroup2", "none", "/mnt"))
    }

    /// A compiler and C library for a flavour of fixtures.
    public static func flavour(_ flavour: Fixtures.Flavour) -> Requirement {
        Requirement("a compiler and C library for \(flavour.rawValue) programs") {
            let result = try? run(
                flavour.command + ["-x", "c", "-o", "/dev/null", "-"],
                input: "#include <stdio.h>\nint main(void) { return 0; }\n")
            return result?.succeeded ?? false
        }
    }

    /// What bin/mptcpize is made with where it only starts programs (scripts/build-start).
    public static let starter = Requirement("Embedded Swift, and a static C library") {
        Products.isStarterBuilt
    }

    /// The C tool of the same name, which the README's table speaks of.
    public static let established = Requirement("Debian's package mptcpize, the C tool") {
        let help = try? run(["/usr/bin/mptcpize", "--help"]).output
        return help?.contains("mptcp@lists.linux.dev") ?? false
    }

    public static func command(_ commands: String...) -> Requirement {
        Requirement("the command \(commands.joined(separator: ", "))") {
            commands.allSatisfy { Environment.find($0) != nil }
        }
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips with the reason when the requirement is not met, unless everything is expected.
    public static func requires(_ requirement: Requirement) -> Self {
        let expectAll = ProcessInfo.processInfo.environment["MPTCPIZE_EXPECT_ALL"] == "1"
        return .enabled("needs \(requirement.name)") { expectAll || requirement.isMet() }
    }
}
