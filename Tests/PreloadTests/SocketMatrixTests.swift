import SocketPolicy
import TestSupport
import Testing

/// What the preload library makes of every kind of socket, in programs of every C library.
@Suite("Every kind of socket", .serialized)
struct SocketMatrixTests {
    static let flavours: [Fixtures.Flavour] = [.glibc, .musl, .i386]

    @Test(
        "becomes MPTCP exactly when it asks for TCP, all else stays as it was",
        .requires(.mptcp), arguments: flavours)
    func upgraded(flavour: Fixtures.Flavour) throws {
        let program = try Fixtures.program("socket_matrix", flavour)
        let plain = try mustRun([program])
        let outcome = try preloaded([program], library: library(for: flavour))
        #expect(outcome.succeeded && outcome.errors.isEmpty, "\(outcome)")
        expectUpgraded(plain, outcome.output)
    }

    @Test("stays exactly as it was with MPTCP off", .requires(.namespaces), arguments: flavours)
    func fallback(flavour: Fixtures.Flavour) throws {
        let namespace = try Namespace("off")
        try namespace.setMPTCP(enabled: false)
        let program = try Fixtures.program("socket_matrix", flavour)
        let plain = try mustRun([program], in: namespace)
        let outcome = try preloaded([program], library: library(for: flavour), in: namespace)
        #expect(outcome.succeeded && outcome.errors.isEmpty, "\(outcome)")
        #expect(outcome.output == plain)
    }

    @Test("becomes MPTCP on an older glibc", .requires(.namespaces), arguments: ["bullseye"])
    func olderGlibc(suite: String) throws {
        let root = try Lab.root(suite)
        let share = try TemporaryDirectory()
        // Without the start-up code: it would ask for this machine's glibc.
        let program = try Fixtures.program(
            "socket_matrix", flags: ["-nostartfiles", "-DSTANDALONE"])
        try mustRun(["cp", program, share.file("matrix")])
        try mustRun(["cp", Products.library(), share.file("libmptcpize.so")])
        let script = """
            set -e
            mount --bind "$1" "$2/mnt"
            shift 2
            exec "$@"
            """
        let inside = ["unshare", "--mount", "sh", "-c", script, "sh", share.path, root]
        let chroot = ["chroot", root, "/usr/bin/env"]
        let plain = try mustRun(inside + chroot + ["/mnt/matrix"])
        let outcome = try run(inside + chroot + ["LD_PRELOAD=/mnt/libmptcpize.so", "/mnt/matrix"])
        #expect(outcome.succeeded && outcome.errors.isEmpty, "\(outcome)")
        expectUpgraded(plain, outcome.output)
    }

    private func library(for flavour: Fixtures.Flavour) -> String {
        Products.library(flavour == .i386 ? .i386 : .native)
    }

    /// Compares line by line: a line that asks for TCP got 262 instead of 6, and is
    /// otherwise the same, errno included.
    private func expectUpgraded(_ plain: String, _ upgraded: String) {
        let before = plain.split(separator: "\n")
        let after = upgraded.split(separator: "\n")
        #expect(before.count == after.count && before.count > 1000)
        var upgrades = 0
        for (old, new) in zip(before, after) {
            let words = old.split(separator: " ")
            let asks = mptcpize_asks_for_tcp(
                Int32(words[1])!, Int32(words[3])!, Int32(words[7].dropLast())!)
            let expected = String(asks ? old.replacing(": 6 ", with: ": 262 ") : old)
            #expect(new == expected)
            if old != expected { upgrades += 1 }
        }
        // Two families, two protocols, four sets of flags that the kernel takes.
        #expect(upgrades == 16)
    }
}
