import Foundation

/// Small C programs in Tests/Fixtures, compiled when a test first asks for them.
public enum Fixtures {
    /// How a fixture is compiled.
    public enum Flavour: String, CaseIterable, Sendable {
        case glibc, staticGlibc, musl, staticMusl, i386, threadSanitizer, addressSanitizer

        var command: [String] {
            switch self {
            case .glibc: ["cc"]
            case .staticGlibc: ["cc", "-static"]
            case .musl: ["musl-gcc"]
            case .staticMusl: ["musl-gcc", "-static"]
            case .i386: ["cc", "-m32"]
            case .threadSanitizer: ["cc", "-fsanitize=thread"]
            case .addressSanitizer: ["cc", "-fsanitize=address"]
            }
        }
    }

    private static let lock = NSLock()
    nonisolated(unsafe) private static var built: [[String]: String] = [:]

    /// The path of Tests/Fixtures/`name`.c as a program. Each combination is compiled once
    /// per run of the tests, so that a changed header is never missed.
    ///
    /// - Throws: CommandFailed with the compiler's words.
    public static func program(
        _ name: String, _ flavour: Flavour = .glibc, flags: [String] = []
    ) throws -> String {
        try build(name, flavour, flags: flags, suffix: "")
    }

    /// The path of Tests/Fixtures/`name`.c as a shared library, to be preloaded by tests.
    public static func library(
        _ name: String, _ flavour: Flavour = .glibc, flags: [String] = []
    ) throws -> String {
        try build(name, flavour, flags: ["-shared", "-fPIC"] + flags, suffix: ".so")
    }

    /// Compiles `source` as a shared library at `path`.
    public static func library(
        of source: String, at path: String, _ flavour: Flavour, flags: [String] = []
    ) throws {
        try mustRun(
            flavour.command + ["-x", "c", "-std=gnu11", "-shared", "-fPIC", "-o", path, "-"]
                + flags, input: source)
    }

    private static func build(
        _ name: String, _ flavour: Flavour, flags: [String], suffix: String
    ) throws -> String {
        try lock.withLock {
            let key = [name, flavour.rawValue, suffix] + flags
            if let path = built[key] { return path }
            let directory = Repository.path(".build/fixtures/\(getpid())")
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true)
            let path = "\(directory)/\(name)-\(flavour.rawValue)-\(built.count)\(suffix)"
            let source = Repository.path("Tests/Fixtures/\(name).c")
            try mustRun(
                flavour.command + [
                    "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread",
                    "-I", Repository.path("Tests/Fixtures"), "-o", path, source,
                ] + flags)
            built[key] = path
            return path
        }
    }
}
