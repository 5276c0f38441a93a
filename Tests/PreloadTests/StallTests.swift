import Foundation
import TestSupport
import Testing

/// What keeps MPTCP connections from waiting for a timer of the kernel's.
@Suite("Stalls", .serialized, .requires(.mptcp))
struct StallTests {
    static let flavours = [Fixtures.Flavour.glibc, .musl, .i386]

    private func program(_ flavour: Fixtures.Flavour = .glibc) throws -> String {
        // The kernel's headers, which musl-gcc does not look for.
        let headers = ["/usr/include", "/usr/include/x86_64-linux-gnu"]
        let flags = flavour == .musl ? headers.flatMap { ["-idirafter", $0] } : []
        return try Fixtures.program("stalls", flavour, flags: flags)
    }

    private func library(_ flavour: Fixtures.Flavour) -> String {
        Products.library(flavour == .i386 ? .i386 : .native)
    }

    /// In turns with a program that asks for MPTCP by itself, until that one has met enough.
    @Test(
        "are a small part of what a program meets that asks for MPTCP by itself",
        .requires(.namespaces), arguments: ["reads", "buffer", "writes", "tls"])
    func transfers(kind: String) throws {
        let namespace = try Namespace("stalls")
        let program = try program()
        var (untouched, mended) = (0, 0)
        for _ in 0..<12 where untouched < 12 {
            let native = try run([program, "transfers", "262", "8", kind], in: namespace)
            let ours = try preloaded([program, "transfers", "0", "8", kind], in: namespace)
            untouched += try #require(Int(native.output.trimmingCharacters(in: .newlines)))
            mended += try #require(Int(ours.output.trimmingCharacters(in: .newlines)))
        }
        #expect(mended <= max(untouched / 4, 1), "\(mended) against \(untouched)")
    }

    @Test(
        "are prevented however a connection is made, and with MPTCP peers only",
        .requires(.stallingKernel), arguments: flavours)
    func windows(flavour: Fixtures.Flavour) throws {
        let ways = ["connect", "waiting", "sendto", "sendmsg"]
        let mended = ways.map { "\($0): wide limited 1 wide limited 1\n" }.joined()
        let outcome = try preloaded([program(flavour), "windows"], library: library(flavour))
        #expect(
            outcome.output == mended + mended + """
                to TCP: narrow unlimited 1 narrow unlimited 1
                from TCP: narrow unlimited 1 narrow unlimited 0

                """, "\(outcome)")
    }

    @Test("are left to the kernel when strict", .requires(.stallingKernel))
    func strict() throws {
        let outcome = try preloaded(
            [program(), "windows"], environment: ["MPTCPIZE_STRICT": "1"])
        #expect(outcome.succeeded && !outcome.output.contains("wide"), "\(outcome)")
        #expect(!outcome.output.contains(" limited"))
    }

    @Test("are prevented without a program's seeing it in its options", arguments: flavours)
    func options(flavour: Fixtures.Flavour) throws {
        let program = try program(flavour)
        let plain = try run([program, "options"])
        let mended = try preloaded([program, "options"], library: library(flavour))
        #expect(plain.succeeded && mended.succeeded, "\(mended)")
        #expect(mended.output == plain.output)
    }

    @Test("are no reason to be killed by a filter of the program's own", arguments: flavours)
    func confined(flavour: Fixtures.Flavour) throws {
        let outcome = try preloaded([program(flavour), "confined"], library: library(flavour))
        #expect(
            outcome.output == "confined: narrow unlimited 1 narrow unlimited 1\n", "\(outcome)")
    }
}
