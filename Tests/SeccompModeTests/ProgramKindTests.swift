import Foundation
import TestSupport
import Testing

/// The table of docs/LIMITS.md: which kinds of program which way reaches. The BPF mode's cells are
/// tried in virtual machines (BPFTests, BPFRunTests).
@Suite(
    "Kinds of program", .requires(.mptcp), .requires(.root), .requires(.command("python3", "go")))
struct ProgramKindTests {
    enum Kind: String, CaseIterable {
        case glibc, olderGlibc, musl, i386, script, go, staticGlibc, staticMusl, setUID
        case rawCalls, ioUring, socketActivated
    }

    /// What its sockets are, each as SO_PROTOCOL tells. `setUID` is asked as the child of one that is
    /// not root; elsewhere what mptcpize starts is the program itself.
    private struct Expected {
        var preload = "6"
        var seccomp = "262"
        var asNobody = "262"
    }

    private static let table: [Kind: Expected] = [
        .glibc: Expected(preload: "262"),
        .olderGlibc: Expected(preload: "262"),
        .musl: Expected(preload: "262"),
        .i386: Expected(preload: "262"),
        .script: Expected(preload: "262"),
        // By GODEBUG, from Go 1.21 on; this one is older.
        .go: Expected(),
        .staticGlibc: Expected(),
        .staticMusl: Expected(),
        // With its privileges where root has started mptcpize, else without them.
        .setUID: Expected(seccomp: "262 uid 65534 euid 0", asNobody: "262 uid 65534 euid 65534"),
        .rawCalls: Expected(),
        // No filter sees what a ring is asked for.
        .ioUring: Expected(seccomp: "6", asNobody: "6"),
        // The socket is made by whoever starts the program.
        .socketActivated: Expected(seccomp: "6", asNobody: "6"),
    ]

    /// A folder that everybody can read, with mptcpize and the programs.
    private final class Folder: Sendable {
        let directory: TemporaryDirectory

        init() throws {
            directory = try TemporaryDirectory()
            chmod(directory.path, 0o755)
            for part in Products.folders {
                try mustRun(["cp", "-a", "\(Products.directory)/\(part)", directory.path])
            }
        }

        var mptcpize: String { directory.file("bin/mptcpize") }

        func add(_ path: String, _ name: String, mode: mode_t = 0o755) throws -> String {
            try mustRun(["cp", path, directory.file(name)])
            chmod(directory.file(name), mode)
            return directory.file(name)
        }
    }

    private static let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    private static let folder = Result { try Folder() }

    /// The command of a program of this kind, which prints what its socket is.
    private func command(_ kind: Kind, in folder: Folder) throws -> [String] {
        func fixture(
            _ name: String, _ flavour: Fixtures.Flavour, flags: [String] = [], mode: mode_t = 0o755
        ) throws -> [String] {
            let program = try Fixtures.program(name, flavour, flags: flags)
            return [try folder.add(program, "\(kind)", mode: mode)]
        }
        switch kind {
        case .glibc: return try fixture("protocol", .glibc)
        case .olderGlibc:
            // Its own loader, without the start-up code that asks for this machine's glibc.
            let root = try Lab.root("bullseye")
            let libraries = "\(root)/lib/x86_64-linux-gnu"
            let loader = try folder.add("\(libraries)/ld-2.31.so", "loader")
            let old = folder.directory.file("old")
            try mustRun(["mkdir", "-p", old])
            try mustRun(["cp", "\(libraries)/libc.so.6", old])
            let program = try fixture(
                "socket_matrix", .glibc, flags: ["-nostartfiles", "-DSTANDALONE"])
            let matrix = "\(loader) --library-path \(old) \(program[0])"
            let first = "s/^family 2 type 1 flags 0 protocol 0: \\([0-9]*\\).*/\\1/p"
            return ["sh", "-c", "\(matrix) | sed -n '\(first)'"]
        case .musl: return try fixture("protocol", .musl)
        case .i386: return try fixture("protocol", .i386)
        case .script:
            let text =
                "#!/usr/bin/python3\nimport socket\n"
                + "print(socket.socket().getsockopt(1, 38))\n"
            return [try folder.directory.write(text, to: "script", mode: 0o755)]
        case .go: return [try folder.add(try Fixtures.go("kind", Self.goProgram), "go")]
        case .staticGlibc: return try fixture("protocol", .staticGlibc)
        case .staticMusl: return try fixture("protocol", .staticMusl)
        case .setUID:
            let program = try fixture("raw_socket", .glibc, mode: 0o4755)
            let other = Self.nobody.joined(separator: " ")
            return ["sh", "-c", "[ $(id -u) != 0 ] || exec \(other) $0; $0"] + program
        case .rawCalls: return try fixture("raw_socket", .glibc)
        case .ioUring: return try fixture("io_uring_socket", .glibc)
        case .socketActivated:
            let text = "import socket; print(socket.socket(fileno=3).getsockopt(1, 38))"
            return ["python3", "-c", text]
        }
    }

    private static let goProgram = """
        package main

        import (
        	"fmt"
        	"net"
        	"syscall"
        )

        func main() {
        	listener, err := net.Listen("tcp", "127.0.0.1:0")
        	if err != nil {
        		panic(err)
        	}
        	file, _ := listener.(*net.TCPListener).File()
        	protocol, _ := syscall.GetsockoptInt(int(file.Fd()), 1, 38)
        	fmt.Println(protocol)
        }
        """

    /// Containers forbid them: by no_new_privs, and by their filters.
    private static let forbidden: Set<Kind> = [.setUID, .ioUring]

    @Test("which way reaches which", arguments: Kind.allCases.filter { !forbidden.contains($0) })
    func reach(kind: Kind) throws { try expectReach(kind) }

    /// The capability is one that a container's root does not have.
    @Test(
        "which way reaches those that a container may forbid", .requires(.namespaces),
        arguments: Kind.allCases.filter { forbidden.contains($0) })
    func reachOutside(kind: Kind) throws { try expectReach(kind) }

    private func expectReach(_ kind: Kind) throws {
        if kind == .i386, !Requirement.flavour(.i386).isMet() { return }
        let folder = try Self.folder.get()
        let command = try command(kind, in: folder)
        let expected = try #require(Self.table[kind])
        let starter = """
            import os, socket, sys
            one = socket.create_server(("127.0.0.1", 0))
            os.dup2(one.fileno(), 3, True)
            os.set_inheritable(3, True)
            os.execvp(sys.argv[1], sys.argv[1:])
            """
        let activated = kind == .socketActivated ? ["python3", "-c", starter] : []
        func found(_ before: [String], _ mode: String) throws -> String {
            let outcome = try TestSupport.run(
                before + activated + [folder.mptcpize, "run", "--mode", mode] + command)
            #expect(outcome.succeeded, "\(mode): \(outcome)")
            let words = outcome.output.split(separator: "\n").first ?? ""
            return kind == .setUID && mode == "seccomp"
                ? String(words) : String(words.prefix { $0 != " " })
        }
        #expect(try found([], "preload") == expected.preload)
        #expect(try found([], "seccomp") == expected.seccomp)
        #expect(try found(Self.nobody, "preload") == expected.preload)
        #expect(try found(Self.nobody, "seccomp") == expected.asNobody)
    }
}
