import Foundation
import TestSupport
import Testing

/// What `mptcpize check` has found.
extension [Row] {
    /// The subjects of the problems.
    var problems: [String] {
        filter { $0["level"] == "problem" }.compactMap { $0["subject"] }
    }

    func one(_ subject: String) throws -> Row {
        try #require(first { $0["subject"] == subject }, "\(self)")
    }
}

/// What a finding says to type.
enum Advice {
    /// Types it, up to the words after the commands.
    static func type(_ next: String?, in namespace: Namespace) throws {
        let commands = try #require(next).components(separatedBy: ", ")[0]
            .components(separatedBy: "; ")
        for command in commands where !command.hasPrefix("for good") {
            try mustRun(["sh", "-c", command], in: namespace)
        }
    }
}

extension TwoPaths {
    /// A client with a default route by each of its links, as a host with two providers has.
    static func withRoutes() throws -> TwoPaths {
        let paths = try TwoPaths()
        try paths.client.ip("route", "add", "default", "via", TwoPaths.serverAddresses[0])
        try paths.client.ip("rule", "add", "from", TwoPaths.clientAddresses[1], "table", "102")
        try paths.client.ip(
            "route", "add", "default", "via", TwoPaths.serverAddresses[1], "dev", "eth1", "table",
            "102")
        return paths
    }
}
