import Foundation
import SocketEvents
import TestSupport
import Testing

/// What the preload library puts into the ring, read back record by record.
@Suite("What is recorded", .serialized, .requires(.mptcp))
struct RecordTests {
    /// The record of the client's socket coming to its end.
    private func end(
        _ way: String, _ flavour: Fixtures.Flavour = .glibc
    ) throws -> [mptcpize_event] {
        let ring = try RingFile()
        let library = Products.library(flavour == .i386 ? .i386 : .native)
        _ = try preloaded(
            [Fixtures.program("endings", flavour), way], library: library,
            environment: ring.environment)
        var events: [mptcpize_event] = []
        // A daemon ends after the program that started it.
        poll(within: .seconds(10)) {
            events += ring.events()
            let client = events.first { $0.kindName == "connecting" }?.inode
            return way == "kill"
                || events.contains { $0.kindName == "closed" && $0.inode == client }
        }
        let client = events.first { $0.kindName == "connecting" }
        return events.filter { $0.kindName == "closed" && $0.inode == client?.inode }
    }

    static let close: UInt8 = 1
    static let replaced: UInt8 = 2
    static let exec: UInt8 = 3
    static let exit: UInt8 = 4

    @Test(
        "every way of ending a socket is seen, with the kernel's answer of that moment",
        arguments: [
            ("close", close), ("close_range", close), ("closefrom", close), ("fclose", close),
            ("syscall", close),
            ("dup2", replaced), ("dup3", replaced), ("execve", exec), ("execl", exec),
            ("execlp", exec), ("execle", exec), ("execvp", exec), ("return", exit),
            ("exit", exit), ("_exit", exit), ("_Exit", exit), ("quick_exit", exit),
            ("inherited by exec", exit),
        ])
    func endings(way: String, cause: UInt8) throws {
        let ends = try end(way)
        #expect(ends.count == 1)
        let last = try #require(ends.last)
        #expect(last.cause == cause)
        #expect(last.wireName == "mptcp")
        #expect(last.got == 262)
        #expect(last.bytes_sent == 1000 && last.bytes_received == 0)
        #expect(last.subflows == 1)
    }

    @Test("what fclose sends counts as sent", arguments: [Fixtures.Flavour.glibc, .musl, .i386])
    func buffered(flavour: Fixtures.Flavour) throws {
        let ends = try end("fclose of a stream with 25 bytes", flavour)
        #expect(ends.map(\.bytes_sent) == [1025])
    }

    @Test("the same in musl and 32-bit programs", arguments: [Fixtures.Flavour.musl, .i386])
    func otherFlavours(flavour: Fixtures.Flavour) throws {
        for (way, cause) in [
            ("close", Self.close), ("syscall", Self.close), ("fclose", Self.close),
            ("dup2", Self.replaced),
            ("execl", Self.exec), ("execle", Self.exec), ("return", Self.exit),
            ("_exit", Self.exit),
        ] {
            let ends = try end(way, flavour)
            #expect(ends.map(\.cause) == [cause], "\(way)")
            #expect(ends.allSatisfy { $0.wireName == "mptcp" && $0.bytes_sent == 1000 }, "\(way)")
        }
    }

    @Test("a kill is not seen, and so not guessed")
    func killed() throws {
        #expect(try end("kill").isEmpty)
    }

    @Test("a failed exec takes back what it announced")
    func failedExec() throws {
        let ring = try RingFile()
        _ = try preloaded(
            [Fixtures.program("endings"), "failed exec"], environment: ring.environment)
        let kinds = ring.events().map(\.kindName)
        #expect(Array(kinds.suffix(3)) == ["closed", "exec failed", "closed"])
    }

    @Test("children's ends are told apart from their parent's", arguments: ["fork", "vfork"])
    func children(way: String) throws {
        let ends = try end(way)
        #expect(Set(ends.map(\.pid)).count == 2)
        #expect(ends.last?.cause == Self.close)
    }

    @Test(
        "a daemon that closed everything, changed its root and its user still records",
        .requires(.root))
    func daemon() throws {
        let last = try #require(try end("daemon").last)
        #expect(last.cause == Self.exit && last.wireName == "mptcp" && last.bytes_sent == 1000)
    }

    @Test("who, what and where, from socket() to close()")
    func story() throws {
        let ring = try RingFile()
        _ = try preloaded([Fixtures.program("endings"), "close"], environment: ring.environment)
        let events = ring.events()
        #expect(
            events.map(\.kindName) == [
                "started", "created", "listening", "created", "connecting", "accepted", "closed",
                "closed", "closed",
            ])
        #expect(Set(events.map(\.pid)).count == 1)
        #expect(events.allSatisfy { $0.kindName == "started" || $0.inode != 0 })
        let connecting = try #require(events.first { $0.kindName == "connecting" })
        let accepted = try #require(events.first { $0.kindName == "accepted" })
        #expect(connecting.error == 0 && connecting.family == UInt8(AF_INET))
        #expect(connecting.remote.port == accepted.local.port)
        #expect(connecting.local.port == accepted.remote.port)
        #expect(connecting.remote.bytes.0 == 127 && connecting.remote.bytes.3 == 1)
        let closed = events.suffix(3)
        #expect(closed.map(\.wireName) == ["mptcp", "listening", "mptcp"])
        #expect(closed.first?.bytes_received == 1000)
    }

    @Test("a shutdown leaves the number of subflows, which close() no longer finds")
    func observed() throws {
        let ring = try RingFile()
        _ = try preloaded([Fixtures.program("endings"), "shutdown"], environment: ring.environment)
        let observed = try #require(ring.events().first { $0.kindName == "observed" })
        #expect(observed.wireName == "mptcp" && observed.subflows == 1)
    }

    @Test("with MPTCP off: a TCP socket, and why", .requires(.namespaces))
    func refused() throws {
        let namespace = try Namespace("off")
        try namespace.setMPTCP(enabled: false)
        let ring = try RingFile()
        _ = try preloaded(
            [Fixtures.program("endings"), "close"], environment: ring.environment, in: namespace)
        let events = ring.events()
        let created = events.filter { $0.kindName == "created" }
        #expect(created.count == 2)
        #expect(created.allSatisfy { $0.got == 6 && $0.error == UInt16(ENOPROTOOPT) })
        let closed = events.filter { $0.kindName == "closed" }
        #expect(closed.map(\.wireName) == ["tcp", "listening", "tcp"])
        #expect(closed.last?.bytes_sent == 1000)
    }

    @Test("a program that outlives the ring's reader records nothing any more")
    func outlived() throws {
        let ring = try RingFile()
        let process = try Background(
            ["env", "LD_PRELOAD=\(Products.library())", Fixtures.program("socket_on_signal")],
            environment: ring.environment)
        try process.waitUntilItPrints("1\n")
        #expect(ring.events().map(\.kindName) == ["started", "created", "closed"])
        ring.end()
        process.signal(SIGUSR1)
        try process.waitUntilItPrints("2\n")
        process.stop()
        #expect(ring.events().isEmpty)
    }

    @Test("eighty thousand sockets are counted exactly, dropped records included")
    func threads() throws {
        let ring = try RingFile()
        let process = try Background(
            ["env", "LD_PRELOAD=\(Products.library())", Fixtures.program("threads"), "8", "10000"],
            environment: ring.environment)
        var created = 0
        var closed = 0
        poll(within: .seconds(120)) {
            for event in ring.events() {
                if event.kindName == "created" { created += 1 }
                if event.kindName == "closed" { closed += 1 }
            }
            return !process.isRunning
        }
        for event in ring.events() {
            if event.kindName == "created" { created += 1 }
            if event.kindName == "closed" { closed += 1 }
        }
        #expect(process.wait().output == "mptcp 80000 tcp 0 failed 0 leaked 0\n")
        #expect(created + closed + ring.dropped == 160_000)
    }
}
