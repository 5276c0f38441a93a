import Foundation
import Testing

/// A thing a test needs and a machine may lack. A missing one skips the test and
/// says why; with MPTCPIZE_EXPECT_ALL=1 the test runs, and fails, instead.
public struct Requirement: Sendable {
    public let name: String
    public let isMet: @Sendable () -> Bool

    public init(_ name: String, isMet: @escaping @Sendable () -> Bool) {
        self.name = name
        self.isMet = isMet
    }

    public static let root = Requirement("root") { geteuid() == 0 }

    /// A running kernel that gives out MPTCP sockets.
    public static let mptcp = Requirement("a kernel with MPTCP switched on") {
        let socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 262)
        if socket >= 0 { close(socket) }
        return socket >= 0
    }

    /// Network namespaces, as Namespace makes them.
    public static let namespaces = Requirement("root and ip(8)") {
        geteuid() == 0 && Environment.find("ip") != nil
    }

    /// Virtual machines, as Lab.boot starts them.
    public static let virtualMachines = Requirement("qemu-system-x86_64 and busybox") {
        Environment.find("qemu-system-x86_64") != nil && Environment.find("busybox") != nil
    }

    /// A machine with a systemd of its own, as SystemdMachine starts it.
    public static let systemdMachines = Requirement(
        "root, a kernel with MPTCP, systemd and python3"
    ) {
        root.isMet() && mptcp.isMet()
            && ["systemctl", "python3"].allSatisfy { Environment.find($0) != nil }
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
