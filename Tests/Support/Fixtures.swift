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

    /// Where they are put: a folder that all processes of a run share (scripts/test names it),
    /// or one of this process's own.
    public static let directory: String = {
        if let shared = Environment.inherited["MPTCPIZE_FIXTURES"] { return shared }
        let own = Repository.path(".build/fixtures/\(getpid())")
        // Of an earlier process with this number.
        try? FileManager.default.removeItem(atPath: own)
        return own
    }()

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

    /// The path of C sources as one object, to be linked into several programs: name it in their flags.
    public static func object(
        _ name: String, of sources: [String], _ flavour: Flavour, flags: [String]
    ) throws -> String {
        try build(name, of: sources, flavour, flags: ["-r", "-nostdlib"] + flags, suffix: ".o")
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
        let source = Repository.path("Tests/Fixtures/\(name).c")
        return try build(name, of: [source], flavour, flags: flags, suffix: suffix)
    }

    private static func build(
        _ name: String, of sources: [String], _ flavour: Flavour, flags: [String], suffix: String
    ) throws -> String {
        try lock.withLock {
            let path = "\(directory)/\(name)-\(flavour.rawValue)-\(digest(flags))\(suffix)"
            if access(path, R_OK) == 0 { return path }
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true)
            // Renamed when it is whole: another process may look for it meanwhile.
            let new = "\(path).\(getpid())"
            try mustRun(
                flavour.command + [
                    "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread",
                    "-I", Repository.path("Tests/Fixtures"), "-o", new,
                ] + sources + flags)
            guard rename(new, path) == 0 else { throw POSIXError(.EIO) }
            return path
        }
    }

    /// A name for a list of options, the same in every process: FNV-1a.
    private static func digest(_ options: [String]) -> String {
        let bytes = options.joined(separator: "\0").utf8
        let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
        return String(hash, radix: 36)
    }
}
