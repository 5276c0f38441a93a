import Foundation
import Testing

/// A thing a test needs and a machine may lack. A missing one skips the test and
/// says why; with MPTCPIZE_EXPECT_ALL=1 the test runs, and fails, instead.
public struct Requirement: Sendable {
    public let name: String
    let isMet: @Sendable () -> Bool

    public init(_ name: String, isMet: @escaping @Sendable () -> Bool) {
        self.name = name
        self.isMet = isMet
    }

    public static let root = Requirement("root") { geteuid() == 0 }

    public static func command(_ command: String) -> Requirement {
        Requirement("the command \(command)") {
            let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
            return (path.split(separator: ":") + ["/usr/sbin", "/sbin"]).contains {
                access("\($0)/\(command)", X_OK) == 0
            }
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
