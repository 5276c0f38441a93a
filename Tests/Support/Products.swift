import Foundation

/// The checked-out project.
public enum Repository {
    public static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// A file of the project, by its path from the root.
    public static func path(_ relative: String) -> String { "\(root)/\(relative)" }
}

/// What the build made: the tree of `make` (MPTCPIZE_BUILD, or build/), which scripts/test
/// brings up to date before the tests run.
public enum Products {
    public enum Architecture: String, CaseIterable, Sendable {
        case amd64 = "x86_64"
        case i386
        case arm64 = "aarch64"

        /// The architecture that this test was built for.
        public static var native: Architecture {
            #if arch(arm64)
                .arm64
            #else
                .amd64
            #endif
        }

        /// The directory name of the Debian multiarch scheme.
        public var multiarch: String { "\(rawValue)-linux-gnu" }
    }

    public static let directory: String = {
        let named = ProcessInfo.processInfo.environment["MPTCPIZE_BUILD"] ?? "build"
        return named.hasPrefix("/") ? named : Repository.path(named)
    }()

    /// The command line tool, as it is installed.
    public static var mptcpize: String { existing("bin/mptcpize") }

    /// The whole command, which is a file that can be taken elsewhere alone.
    public static var wholeCommand: String {
        existing(isStarterBuilt ? "libexec/mptcpize" : "bin/mptcpize")
    }

    /// Whether `mptcpize` is the program that starts others, and becomes the whole command for
    /// all else.
    public static var isStarterBuilt: Bool {
        access("\(directory)/libexec/mptcpize", X_OK) == 0
    }

    /// The folders of what is installed that mptcpize needs to run.
    public static var folders: [String] {
        ["bin", "lib"] + (isStarterBuilt ? ["libexec"] : [])
    }

    /// The preload library for an architecture. The one for a foreign CPU is an artefact
    /// for checks only and lies outside the tree that is installed.
    public static func library(_ architecture: Architecture = .native) -> String {
        let isInstalled =
            architecture == .native || (architecture == .i386 && Architecture.native == .amd64)
        return existing(
            isInstalled
                ? "lib/\(architecture.multiarch)/mptcpize/libmptcpize.so"
                : "cross/\(architecture.multiarch)/libmptcpize.so")
    }

    private static func existing(_ path: String) -> String {
        let file = "\(directory)/\(path)"
        precondition(
            access(file, R_OK) == 0, "\(file) was not built: run `make`, or test by `make test`")
        return file
    }
}
