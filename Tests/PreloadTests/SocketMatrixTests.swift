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

    /// The sysctl is asked about a few times in a second, not for each socket.
    @Test(
        "costs a program little where MPTCP is off, and is MPTCP soon after it is on",
        .requires(.namespaces), .requires(.mptcp), .requires(.command("python3")))
    func off() throws {
        let namespace = try Namespace("off")
        try namespace.setMPTCP(enabled: false)
        let stand = try Fixtures.library("asking_preload", flags: ["-ldl"])
        func asked(_ script: String) throws -> [Substring] {
            let outcome = try preloaded(
                ["python3", "-c", script], library: "\(Products.library()):\(stand)",
                in: namespace)
            #expect(outcome.succeeded, "\(outcome)")
            return outcome.output.split(whereSeparator: \.isWhitespace)
        }
        let many = "import socket\nfor _ in range(20000): socket.socket().close()"
        let words = try asked(many)
        let (tries, all) = try (#require(Int(words[1])), #require(Int(words[3])))
        #expect(all == 20000 + tries && tries > 0 && tries < 5000, "\(words)")
        let until = """
            import socket
            def kind(): return socket.socket().getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL)
            assert kind() == 6
            open("/proc/sys/net/mptcp/enabled", "w").write("1")
            while kind() == 6: pass
            assert all(kind() == 262 for _ in range(100))
            """
        #expect(try asked(until)[0] == "asked")
    }

    @Test(
        "becomes MPTCP on an older glibc", .requires(.root), .requires(.mounts),
        arguments: ["bullseye"])
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
}
