import Foundation
import TestSupport
import Testing

/// What keeps the connections of supervised programs from waiting for a timer of the kernel's.
@Suite(
    "Stalls in the mode seccomp", .serialized, .requires(.mptcp), .requires(.command("python3")))
struct SupervisedStallTests {
    /// What the kernel has of the sockets of a program, whatever that is shown.
    private func sockets(_ options: String...) throws -> Set<Substring> {
        let command = SeccompModeTests.run + options
        let outcome = try TestSupport.run(
            ["python3", Repository.path("Tests/Fixtures/supervised_stalls.py")] + command)
        #expect(outcome.succeeded, "\(outcome)")
        return Set(outcome.output.split(separator: "\n"))
    }

    @Test(
        "are prevented for the connections that the supervisor meets, and for all that send",
        .requires(.stallingKernel))
    func prevented() throws {
        let limit = (512 << 10) + 1
        #expect(
            try sockets() == [
                "listener: 262 narrow 1 \(limit)",
                "client: 262 wide 1 \(limit)",
                "server: 262 wide 1 \(limit)",
                "from TCP: 6 narrow 1 0",
                "waiting: 262 narrow 1 \(limit)",
                "asked for its address: 262 wide 1 \(limit)",
                "with a mark of its own: 262 wide 5 \(limit)",
                "with a small buffer: 262 wide 1 \(limit)",
                "with a limit of its own: 262 wide 1 50000",
                "demoted: 6 narrow 1 0",
            ])
    }

    @Test("are left to the kernel when strict")
    func strict() throws {
        let sockets = try sockets("--strict")
        #expect(sockets.contains("client: 262 narrow 1 0"), "\(sockets)")
        #expect(!sockets.contains { $0.contains("wide") }, "\(sockets)")
    }

    @Test(
        "are prevented without a program's seeing it in its options",
        arguments: [Fixtures.Flavour.glibc, .staticGlibc, .i386])
    func options(flavour: Fixtures.Flavour) throws {
        guard Requirement.flavour(flavour).isMet() else { return }
        let program = try Fixtures.program("stalls", flavour)
        let plain = try TestSupport.run([program, "options"])
        let mended = try TestSupport.run(SeccompModeTests.run + [program, "options"])
        #expect(plain.succeeded && mended.succeeded, "\(mended)")
        #expect(mended.output == plain.output)
    }

    /// In turns with a program that asks for MPTCP by itself, until that one has met enough.
    @Test(
        "are a small part of what a program meets that asks for MPTCP by itself",
        .requires(.namespaces), arguments: ["reads", "buffer"])
    func transfers(kind: String) throws {
        let namespace = try Namespace("calm")
        let program = try Fixtures.program("stalls", .staticGlibc)
        var (untouched, mended) = (0, 0)
        for _ in 0..<12 where untouched < 12 {
            let native = try TestSupport.run(
                [program, "transfers", "262", "8", kind], in: namespace)
            let ours = try TestSupport.run(
                SeccompModeTests.run + [program, "transfers", "0", "8", kind], in: namespace)
            untouched += try #require(Int(native.output.trimmingCharacters(in: .newlines)))
            mended += try #require(Int(ours.output.trimmingCharacters(in: .newlines)))
        }
        #expect(mended <= max(untouched / 4, 1), "\(mended) against \(untouched)")
    }

    @Test(
        "are prevented without a program's losing a socket's error",
        arguments: [Fixtures.Flavour.glibc, .i386])
    func error(flavour: Fixtures.Flavour) throws {
        guard Requirement.flavour(flavour).isMet() else { return }
        let program = try Fixtures.program("socket_error", flavour)
        for options in [[], ["--strict"]] {
            let outcome = try TestSupport.run(SeccompModeTests.run + options + [program])
            #expect(outcome.output == "\(ECONNREFUSED) 0\n", "\(outcome)")
        }
    }
}
