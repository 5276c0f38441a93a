import Foundation
import TestSupport

/// Tests/ReportDriver: the supervisor without the search for programs and libraries.
enum Driver {
    /// It is built beside the tests.
    static let path: String = {
        let tests = try! FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: tests).deletingLastPathComponent().path + "/ReportDriver"
    }()

    /// A command line for a shell script under it.
    static func shell(_ script: String, options: [String] = ["--text"]) -> [String] {
        [path] + options + ["/bin/sh", "-c", script]
    }

    static let empty = "The program opened no TCP socket that could be seen"
}
