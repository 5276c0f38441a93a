import Foundation
import TestSupport
import Testing

/// What is called in the end is what dlsym(RTLD_NEXT) would have found.
@Suite("The next definition", .serialized)
struct NextDefinitionTests {
    /// Every function that the library interposes, and what else it looks up.
    private static func names() throws -> [String] {
        let exports = try String(
            contentsOfFile: Repository.path("Sources/Interposer/exports.txt"), encoding: .utf8)
        return exports.split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { String($0.split(separator: " ")[0]) }
            + ["fflush", "fileno", "getauxval", "__register_atfork", "pthread_atfork"]
    }

    @Test(
        "is dlsym's, whatever the libraries in the way define and how",
        arguments: [Fixtures.Flavour.glibc, .musl, .i386])
    func corpus(flavour: Fixtures.Flavour) throws {
        let lookup = try Fixtures.library(
            "next_lookup", flavour,
            flags: ["Interposer", "SocketPolicy/include", "SocketEvents/include"].flatMap {
                ["-I", Repository.path("Sources/\($0)")]
            } + (flavour == .glibc || flavour == .i386 ? ["-ldl"] : []))
        let program = try Fixtures.program("greeting", flavour)
        let names = try Self.names()
        let files = try TemporaryDirectory()
        var random = SeededRandom(seed: 20_261_128)
        var met = 0
        for round in 0..<12 {
            let libraries = try (0..<3).map { place in
                let library = CorpusLibrary(names: names, flavour: flavour, using: &random)
                return try library.build(files.file("corpus-\(round)-\(place)"), flavour)
            }
            let outcome = try run(
                ["env", "LD_PRELOAD=" + ([lookup] + libraries).joined(separator: ":"), program],
                environment: ["LOOKUP_NAMES": names.joined(separator: " ")])
            let agreed = "agreed \(names.count), in the corpus "
            let lines = outcome.output.split(separator: "\n")
            let last = try #require(lines.first { $0.hasPrefix("agreed") }, "\(outcome)")
            #expect(last.hasPrefix(agreed), "round \(round): \(outcome)")
            met += Int(last.split(separator: " ").last ?? "") ?? 0
        }
        // A good part of what was looked up has to have been defined by the corpus.
        #expect(met > 12 * names.count / 2)
    }

    @Test("is called for every function, also in a library with the older hash table only")
    func called() throws {
        let names = try Self.names().filter { !$0.hasSuffix("64") && !$0.contains("register") }
            .filter { !["fflush", "fileno", "getauxval", "pthread_atfork"].contains($0) }
        #expect(names.count > 35)
        let functions = names.map { name in
            """
            long \(name)(long a, long b, long c, long d, long e, long f) {
              long (*next)(long, ...) = dlsym(RTLD_NEXT, "\(name)");
              write(2, "<\(name)>", sizeof "<\(name)>" - 1);
              return next ? next(a, b, c, d, e, f) : -1;
            }

            """
        }
        let files = try TemporaryDirectory()
        let wrapper = files.file("wrapper.so")
        try Fixtures.library(
            of: """
                #define RTLD_NEXT ((void *)-1l)
                void *dlsym(void *, const char *);
                long write(int, const void *, unsigned long);

                """ + functions.joined(), at: wrapper, .glibc,
            flags: ["-w", "-fno-builtin", "-Wl,--hash-style=sysv", "-ldl"])
        let caller = try Fixtures.library("early_call")
        for name in names {
            let outcome = try preloaded(
                ["true"], library: "\(Products.library()):\(wrapper):\(caller)",
                environment: ["EARLY_CALL": name])
            #expect(outcome.errors.contains("<\(name)>"), "\(name): \(outcome)")
        }
    }
}

/// A shared library that defines most of some names, each in another way.
private struct CorpusLibrary {
    private var source = "", flags: [String] = []
    private var versions: String?

    init(names: [String], flavour: Fixtures.Flavour, using random: inout SeededRandom) {
        flags += ["-Wl,--hash-style=" + ["sysv", "gnu", "both"].randomElement(using: &random)!]
        // As prelink leaves a library: with another address than 0 to start at.
        if Int.random(in: 0..<4, using: &random) == 0 {
            flags.append("-Wl,-Ttext-segment=0x41000000")
        }
        if Bool.random(using: &random) { versions = "FIRST { };\nSECOND { } FIRST;\n" }
        let kinds: [(inout Self, String) -> Void] = [
            { $0.function($1) }, { $0.function($1) },
            { $0.symbol($1, "%notype") }, { $0.symbol($1, "%object") },
            { $0.symbol($1, "%gnu_unique_object") },
            { $0.symbol($1, "%function", binding: ".weak") },
            { $0.symbol($1, "%function", visibility: ".protected") },
            { $0.symbol($1, "%function", visibility: ".hidden") },
            { $0.symbol($1, "%function", binding: ".local") },
            { $0.symbol("alias_\($1)", "%function", also: $1) },
            { $0.undefined($1) },
            { $0.absolute($1) },
            { $0.indirect($1) },
            { $0.versioned($1, ["@FIRST"]) }, { $0.versioned($1, ["@@FIRST"]) },
            { $0.versioned($1, ["@FIRST", "@@SECOND"]) },
            { $0.versioned($1, ["@FIRST", "@SECOND"]) },
            { _, _ in },
        ]
        for name in names { kinds.randomElement(using: &random)!(&self, name) }
    }

    /// Compiles it to a file that begins with `path`.
    func build(_ path: String, _ flavour: Fixtures.Flavour) throws -> String {
        var flags = flags + ["-nostdlib"]
        if let versions {
            try versions.write(toFile: path + ".map", atomically: true, encoding: .utf8)
            flags.append("-Wl,--version-script=\(path).map")
        }
        try Fixtures.library(of: source, at: path + ".so", flavour, flags: flags)
        return path + ".so"
    }

    private mutating func assemble(_ lines: String...) {
        for line in lines { source += "__asm__(\"\(line)\");\n" }
    }

    private mutating func function(_ name: String) { symbol(name, "%function") }

    /// A symbol of any type, with some bytes behind it.
    private mutating func symbol(
        _ name: String, _ type: String, binding: String = ".globl", visibility: String? = nil,
        also alias: String? = nil
    ) {
        assemble(".data", "\(binding) \(name)", ".type \(name), \(type)")
        if let visibility { assemble("\(visibility) \(name)") }
        assemble("\(name): .quad 0", ".size \(name), 8", ".text")
        if let alias { assemble(".globl \(alias)", ".set \(alias), \(name)") }
    }

    private mutating func undefined(_ name: String) {
        assemble(".data", ".weak \(name)", ".dc.a \(name)", ".text")
    }

    private mutating func absolute(_ name: String) {
        assemble(".globl \(name)", ".set \(name), 0x1234")
    }

    private mutating func indirect(_ name: String) {
        source += """
            static void target_\(name)(void) {}
            static void *resolve_\(name)(void) { return target_\(name); }
            void indirect_\(name)(void) __asm__("\(name)")
              __attribute__((ifunc("resolve_\(name)")));

            """
    }

    private mutating func versioned(_ name: String, _ suffixes: [String]) {
        guard versions != nil else { return function(name) }
        for (number, suffix) in suffixes.enumerated() {
            symbol("version_\(number)_\(name)", "%function")
            assemble(".symver version_\(number)_\(name), \(name)\(suffix)")
        }
    }
}

/// SplitMix64: the same libraries in each run.
private struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
