import TestSupport
import Testing

/// Programs that confine themselves by seccomp or Landlock, in the middle of things.
@Suite("Confinement", .serialized, .requires(.mptcp))
struct ConfinementTests {
    /// The ways in which Tests/Fixtures/seccomp_program.h installs a filter.
    static let ways = ["prctl", "syscall-prctl", "seccomp", "tsync", "listener", "function"]
    static let flavours = [Fixtures.Flavour.glibc, .musl, .i386]

    private func fixture(_ name: String, _ flavour: Fixtures.Flavour) throws -> String {
        // The kernel's headers, which musl-gcc does not look for.
        let headers = ["/usr/include", "/usr/include/x86_64-linux-gnu"]
        let flags: [Fixtures.Flavour: [String]] = [
            .musl: headers.flatMap { ["-idirafter", $0] },
            // Calls prctl by its other name.
            .i386: ["-D_TIME_BITS=64", "-D_FILE_OFFSET_BITS=64"],
        ]
        return try Fixtures.program(name, flavour, flags: flags[flavour] ?? [])
    }

    private func library(_ flavour: Fixtures.Flavour) -> String {
        Products.library(flavour == .i386 ? .i386 : .native)
    }

    @Test(
        "a program that confines itself is not killed for what we do, with a ring and without",
        arguments: ways, flavours)
    func narrow(way: String, flavour: Fixtures.Flavour) throws {
        let program = try fixture("confine", flavour)
        for ring in [nil, try RingFile()] {
            let outcome = try preloaded(
                [program, way, "narrow"], library: library(flavour),
                environment: ring?.environment ?? [:])
            #expect(outcome.end == .exited(0) && outcome.output == "alive\n", "\(outcome)")
            // Until then everything was recorded, the close of the listener included.
            if let ring { #expect(ring.events().last?.wireName == "listening") }
        }
    }

    @Test(
        "one that confines itself otherwise has MPTCP, mended options and records as before",
        arguments: ways, flavours)
    func harmless(way: String, flavour: Fixtures.Flavour) throws {
        let program = try fixture("confine", flavour)
        let ring = try RingFile()
        for environment in [[:], ring.environment] {
            let outcome = try preloaded(
                [program, way, "harmless"], library: library(flavour), environment: environment)
            #expect(outcome.output == "alive, 262 then 6\n", "\(outcome)")
        }
        // The last of the three sockets was made behind the filter.
        #expect(ring.events().filter { $0.kindName == "created" }.map(\.got) == [262, 262, 262])
    }

    @Test(
        "threads are not killed for what we do while another one confines them all",
        arguments: flavours)
    func race(flavour: Fixtures.Flavour) throws {
        let program = try fixture("confine_race", flavour)
        for ring in [nil, try RingFile()] {
            let outcome = try preloaded(
                [program, "60"], library: library(flavour), environment: ring?.environment ?? [:],
                timeout: .seconds(180))
            #expect(outcome.output == "killed 0, failed 0\n", "\(outcome)")
        }
    }

    @Test(
        "a vfork child confines itself alone, whatever its end, and a failed call nobody",
        arguments: ways + ["landlock"], flavours)
    func corners(way: String, flavour: Fixtures.Flavour) throws {
        let program = try fixture("confine_corners", flavour)
        let plain = try run([program, way])
        try #require(plain.end == .exited(0), "\(plain)")
        let outcome = try preloaded([program, way], library: library(flavour))
        // The same as without the library, but that the process goes on with MPTCP.
        let expected = plain.output.split(separator: "\n").map {
            $0.hasSuffix(" 6") ? "\($0.dropLast())262" : String($0)
        }
        #expect(outcome.output.split(separator: "\n").map(String.init) == expected)
    }

    @Test(
        "a program that confines itself by Landlock's rules for TCP gets sockets that obey them",
        .requires(
            Requirement("Landlock's rules for TCP (Linux 6.7)") {
                let output = try? run([Fixtures.program("landlocked")]).output
                return output == "6 EACCES\n6 EACCES\n6 EACCES\n"
            }))
    func landlock() throws {
        let program = try Fixtures.program("landlocked")
        // MPTCP passes by the rules. What was made before there were any cannot be helped.
        let outcome = try preloaded([program])
        #expect(
            outcome.output == "262 ECONNREFUSED\n262 ECONNREFUSED\n6 EACCES\n", "\(outcome)")
    }
}
