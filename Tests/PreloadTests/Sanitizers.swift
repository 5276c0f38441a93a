import Foundation
import TestSupport

/// The ways in which the preload library's own code is watched by a compiler's sanitizers.
enum Sanitizer: String, CaseIterable, Sendable {
    /// AddressSanitizer and UndefinedBehaviorSanitizer need a C library, which the library
    /// has none of: its sources are linked into the program, whose calls they interpose there.
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
        var flags = more + ["-ffreestanding", "-fno-builtin", "-fvisibility=hidden"]
        for module in ["Interposer", "SocketPolicy", "SocketEvents"] {
            let folder = Repository.path("Sources/\(module)")
            flags += ["-I", "\(folder)/include"]
            // What is compiled to replace memcpy is the sanitizer's own here.
            flags += try FileManager.default.contentsOfDirectory(atPath: folder)
                .filter { $0.hasSuffix(".c") && $0 != "memory.c" }.sorted()
                .map { "\(folder)/\($0)" }
        }
        return try Fixtures.program(fixture, flavour, flags: flags)
    }

    private static let trappingLibrary = Result {
        let directory = Repository.path(".build/fixtures/\(getpid())/trapping")
        try mustRun(
            [
                Repository.path("scripts/build-interposer"), directory, "-fsanitize=undefined",
                "-fsanitize-trap=undefined",
            ],
            // Where the toolchain may be, unlike the programs under test.
            environment: ["PATH": Environment.inherited["PATH"]], timeout: .seconds(120))
        return "\(directory)/lib/\(Products.Architecture.native.multiarch)/mptcpize/libmptcpize.so"
    }
}
