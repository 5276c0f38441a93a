import Foundation
import TestSupport

/// The ways in which the preload library's own code is watched by a compiler's sanitizers.
enum Sanitizer: String, CaseIterable, Sendable {
    /// AddressSanitizer and UndefinedBehaviorSanitizer need a C library, which the library
    /// has none of: it is linked into the program, whose calls it interposes there.
    case linked
    /// The library as it is preloaded, with a trap at each undefined behaviour.
    case trapping

    /// The command that runs a fixture over MPTCP, watched.
    func command(_ fixture: String) throws -> [String] {
        switch self {
        case .linked: [try Self.linked(fixture)]
        case .trapping:
            ["env", "LD_PRELOAD=\(try Self.trappingLibrary.get())", try Fixtures.program(fixture)]
        }
    }

    /// The command that runs a fixture over MPTCP with ThreadSanitizer in it and in the library.
    static func threaded(_ fixture: String) throws -> [String] {
        // Without randomised addresses, where its runtime would find no place.
        ["setarch", "-R", try linked(fixture, .threadSanitizer, [])]
    }

    private static func linked(
        _ fixture: String, _ flavour: Fixtures.Flavour = .addressSanitizer,
        _ more: [String] = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
    ) throws -> String {
        let flags = more + ["-ffreestanding", "-fno-builtin", "-fvisibility=hidden"]
        var sources: [String] = []
        var folders: [String] = []
        for module in ["Interposer", "SocketPolicy", "SocketEvents"] {
            let folder = Repository.path("Sources/\(module)")
            folders += ["-I", "\(folder)/include"]
            // What is compiled to replace memcpy is the sanitizer's own here.
            sources += try FileManager.default.contentsOfDirectory(atPath: folder)
                .filter { $0.hasSuffix(".c") && $0 != "memory.c" }.sorted()
                .map { "\(folder)/\($0)" }
        }
        let library = try Fixtures.object("library", of: sources, flavour, flags: flags + folders)
        return try Fixtures.program(fixture, flavour, flags: flags + folders + [library])
    }

    /// Built once in a run, as fixtures are.
    private static let trappingLibrary = Result {
        let directory = "\(Fixtures.directory)/trapping"
        let library =
            "\(directory)/lib/\(Products.Architecture.native.multiarch)/mptcpize/libmptcpize.so"
        if access(library, R_OK) == 0 { return library }
        let new = "\(directory).\(getpid())"
        try mustRun(
            [
                Repository.path("scripts/build-interposer"), new, "-fsanitize=undefined",
                "-fsanitize-trap=undefined",
            ],
            // Where the toolchain may be, unlike the programs under test.
            environment: ["PATH": Environment.inherited["PATH"]], timeout: .seconds(300))
        // Another process may have been faster.
        guard rename(new, directory) == 0 || access(library, R_OK) == 0 else {
            throw POSIXError(.EIO)
        }
        return library
    }
}
