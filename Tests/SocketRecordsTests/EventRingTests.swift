import Foundation
import LinuxSystem
import Recordings
import SocketEvents
import TestSupport
import Testing

@testable import SocketRecords

@Suite("The ring")
struct EventRingTests {
    private let directory: TemporaryDirectory
    private let place: RingPlace
    private static let slots = Int(MPTCPIZE_RING_SLOTS)

    init() throws {
        directory = try TemporaryDirectory()
        place = RingPlace(
            directory: directory.path, mode: 0o600, prefix: "mptcpize-ring-", isOwn: false)
    }

    private func writer(_ ring: borrowing EventRing, _ arguments: String...) throws -> Outcome {
        try run(
            [
                Fixtures.program(
                    "ring_writer", flags: ["-I", Repository.path("Sources/SocketEvents/include")]),
                ring.path,
            ] + arguments)
    }

    private var files: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    }

    @Test("its file is private, allocated in full and locked, and goes with it")
    func file() throws {
        let writers: UnsafeMutableRawPointer
        do {
            let ring = try EventRing(in: [place])
            let path = ring.path
            var status = stat()
            #expect(lstat(path, &status) == 0)
            #expect(status.st_mode == S_IFREG | 0o600)
            #expect(status.st_size == off_t(mptcpize_ring_size()))
            #expect(Int(status.st_blocks) * 512 >= mptcpize_ring_size())
            let other = open(path, O_RDONLY)
            #expect(flock(other, LOCK_EX | LOCK_NB) == -1)
            writers = mmap(nil, mptcpize_ring_size(), PROT_READ, MAP_SHARED, other, 0)!
            close(other)
            #expect(mptcpize_ring_is_read(OpaquePointer(writers)))
        }
        #expect(files.isEmpty)
        // Those that live on can tell.
        #expect(!mptcpize_ring_is_read(OpaquePointer(writers)))
        munmap(writers, mptcpize_ring_size())
    }

    @Test("what a dead reader left is removed, and nothing else is")
    func stale() throws {
        let name = { (digit: String) in "mptcpize-ring-" + String(repeating: digit, count: 32) }
        try directory.write("", to: name("1"))
        try directory.write("", to: name("2"))
        try directory.write("", to: "mptcpize-ring-3")
        try directory.write("", to: "target")
        symlink(directory.file("target"), directory.file(name("4")))
        mkfifo(directory.file(name("5")), 0o600)
        mkdir(directory.file(name("6")), 0o700)
        let locked = open(directory.file(name("2")), O_RDONLY)
        #expect(flock(locked, LOCK_EX) == 0)
        do { _ = try EventRing(in: [place]) }
        close(locked)
        #expect(
            Set(files) == [
                name("2"), "mptcpize-ring-3", "target", name("4"), name("5"), name("6"),
            ])
    }

    @Test("another user's file is left alone", .requires(.root))
    func foreign() throws {
        let path = try directory.write("", to: "mptcpize-ring-" + String(repeating: "a", count: 32))
        chown(path, 65534, 65534)
        do { _ = try EventRing(in: [place]) }
        #expect(files.count == 1)
    }

    @Test("a directory of its own cannot be listed, its file can be opened by all who know it")
    func ownDirectory() throws {
        let own = RingPlace(
            directory: directory.file("own"), mode: 0o666, prefix: "ring-", isOwn: true)
        do {
            let first = try EventRing(in: [own])
            do {
                let second = try EventRing(in: [own])
                let paths = Set([first.path, second.path])
                #expect(paths.count == 2)
            }
            var status = stat()
            #expect(lstat(own.directory, &status) == 0)
            #expect(status.st_mode == S_IFDIR | 0o711)
            let path = first.path
            #expect(lstat(path, &status) == 0)
            #expect(status.st_mode == S_IFREG | 0o666)
        }
        #expect(files.isEmpty)
    }

    @Test("a directory that others made or can write to is not used", arguments: [true, false])
    func untrusted(isLink: Bool) throws {
        let path = directory.file("own")
        if isLink {
            mkdir(directory.file("elsewhere"), 0o711)
            symlink(directory.file("elsewhere"), path)
        } else {
            mkdir(path, 0o700)
            chmod(path, 0o777)
        }
        let own = RingPlace(directory: path, mode: 0o666, prefix: "ring-", isOwn: true)
        let ring = try EventRing(in: [own, place])
        let chosen = ring.path
        #expect(chosen.hasPrefix(directory.file("mptcpize-ring-")))
    }

    @Test("where no place takes it, one line says why")
    func noPlace() throws {
        let nowhere = RingPlace(
            directory: directory.file("missing"), mode: 0o600, prefix: "x", isOwn: false)
        let failure = #expect(throws: Failure.self) { _ = try EventRing(in: [nowhere]) }
        #expect(failure?.status == .own)
        #expect(
            failure?.message
                == "mptcpize: event ring: cannot be made in \(directory.path)/missing "
                + "(No such file or directory); name a directory that can be written to in "
                + "XDG_RUNTIME_DIR, or leave out --report and -d")
    }

    @Test("many processes write at once, and each record arrives once and in order")
    func concurrentWriters() throws {
        var ring = try EventRing(in: [place])
        let program = try Fixtures.program(
            "ring_writer", flags: ["-I", Repository.path("Sources/SocketEvents/include")])
        // Twice what makes the positions go round, and never more than fits.
        for _ in 0..<3 {
            let writers = try Background([program, ring.path, "flood", "8", "4000"])
            var next: [Int32: UInt64] = [:]
            var isInOrder = true
            func take() {
                while let event = ring.take() {
                    if event.inode != next[event.pid, default: 0] { isInOrder = false }
                    next[event.pid] = event.inode + 1
                }
            }
            while writers.isRunning { take() }
            take()
            #expect(writers.wait().succeeded)
            #expect(isInOrder)
            #expect(next.values.sorted() == Array(repeating: 4000, count: 8))
        }
        let rest = (dropped: ring.dropped, pending: ring.pending)
        #expect(rest == (0, 0))
    }

    @Test("what a full ring could not take is counted to the last record")
    func overflow() throws {
        var ring = try EventRing(in: [place])
        let outcome = try writer(ring, "flood", "4", "\(Self.slots / 4 + 25)")
        #expect(outcome.succeeded)
        let dropped = ring.dropped
        #expect(dropped == 100)
        var taken = 0
        while ring.take() != nil { taken += 1 }
        #expect(taken == Self.slots)
        let again = try writer(ring, "flood", "1", "1")
        #expect(again.succeeded)
        let last = ring.take()
        #expect(last != nil)
    }

    @Test("a writer killed in the middle keeps nobody waiting for long")
    func killedWriter() throws {
        var ring = try EventRing(in: [place])
        let killed = try writer(ring, "claim")
        #expect(killed.end == .signalled(SIGKILL))
        let other = try writer(ring, "flood", "1", "10")
        #expect(other.succeeded)
        let stuck = ring.take()
        #expect(stuck == nil)
        let start = EventRing.now()
        let abandoned = [0, 199_000_000, 200_000_000].map { ring.abandonStuck(now: start + $0) }
        #expect(abandoned == [false, false, true])
        var taken = 0
        while ring.take() != nil { taken += 1 }
        #expect(taken == 10)
        let dropped = ring.dropped
        #expect(dropped == 1)
        // The slot stays retired, and the ring goes round without it.
        let outcome = try writer(ring, "flood", "1", "\(Self.slots)")
        #expect(outcome.succeeded)
        let droppedThen = ring.dropped
        #expect(droppedThen == 2)
    }

    @Test("garbage is counted and skipped")
    func garbage() throws {
        var ring = try EventRing(in: [place])
        let file = open(ring.path, O_RDWR)
        let memory = mmap(
            nil, mptcpize_ring_size(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)!
        var record = mptcpize_event()
        memset(&record, 0xFF, MemoryLayout.size(ofValue: record))
        for _ in 0..<5 { mptcpize_ring_put(OpaquePointer(memory), &record) }
        record = Record.created(100, 3, 1)
        mptcpize_ring_put(OpaquePointer(memory), &record)
        let taken = ring.take()
        #expect(taken?.kind == .created)
        let garbage = ring.garbage
        #expect(garbage == 5)
        munmap(memory, mptcpize_ring_size())
        close(file)
    }
}
