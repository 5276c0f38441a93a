import ConnectionPolicy
import Foundation
import LinuxSystem
import Recordings
import Reporting
import SocketEvents
import SocketRecords
import SocketValues
import Testing

@Suite("The ledger of sockets")
struct SocketLedgerTests {
    let story = Story()

    @Test("a socket that is connected and closed")
    func connected() {
        story.happens(
            Record.started(100), Record.created(100, 3, 7),
            Record.connecting(100, 3, 7, local: "10.0.0.1:4000", remote: "10.0.0.2:80"),
            Record.closed(100, 3, 7, MPTCPIZE_WIRE_MPTCP, subflows: 2, sent: 10, received: 20))
        let sockets = story.ends()
        #expect(sockets.count == 1)
        #expect(sockets[0].role == .connect)
        #expect(
            sockets[0].answer
                == WireAnswer(wire: .mptcp, subflows: 2, bytesSent: 10, bytesReceived: 20))
        #expect(sockets[0].local?.text == "10.0.0.1:4000")
        #expect(sockets[0].remote?.text == "10.0.0.2:80")
        #expect(sockets[0].why == "")
    }

    @Test("a rule replaces a socket, comes too late, or decides from the beginning")
    func ruled() {
        let file = Array("/etc/mptcpize/policy.conf".utf8)
        let story = Story(rules: [4, 12].map { PolicyOrigin(file: file, line: $0) })
        var fromBeginning = Record.created(100, 5, 9)
        fromBeginning.got = 6
        fromBeginning.rule = 1
        story.happens(
            Record.created(100, 3, 7), Record.ruled(100, 3, 70, rule: 1),
            Record.connecting(100, 3, 70, local: "127.0.0.1:1", remote: "127.0.0.1:2"),
            Record.closed(100, 3, 70, MPTCPIZE_WIRE_TCP),
            Record.created(100, 4, 8), Record.ruled(100, 4, 8, rule: 0, protocol: 262),
            Record.closed(100, 4, 8, MPTCPIZE_WIRE_MPTCP),
            fromBeginning, Record.closed(100, 5, 9, MPTCPIZE_WIRE_TCP),
            // A number that is none of these rules'.
            Record.created(100, 6, 10), Record.ruled(100, 6, 10, rule: 9))
        let sockets = story.ends()
        #expect(sockets.count == 4)
        #expect(sockets[0].socket == .tcp && sockets[0].why == "policy (policy.conf:12)")
        #expect(
            sockets[1].why
                == "policy (policy.conf:4) came too late: the socket could not be replaced any more"
        )
        #expect(sockets[2].why == "policy (policy.conf:4)")
        #expect(sockets[3].policy == nil)
        #expect(
            story.news.flatMap(\.lines)
                .contains("prog[100] fd 3: TCP socket: policy (policy.conf:12)"))
    }

    @Test("the kernel may not know a descriptor, who has the socket at the end does")
    func withoutDescriptor() {
        story.happens(Record.created(100, -1, 7))
        #expect(story.ends().isEmpty)
        story.happens(
            Record.created(100, -1, 7), Record.created(100, -1, 8), Record.created(100, -1, 9),
            Record.closed(100, -1, 7, MPTCPIZE_WIRE_UNCONNECTED), byKernel: true)
        story.happens(Record.inherited(100, 4, 8), Record.inherited(200, 5, 9))
        story.answers[[200, 5]] = .answer(.unknown)
        let sockets = story.ends()
        #expect(sockets.map(\.fd) == [-1, 4, -1])
        #expect(sockets.map(\.fate) == [.closed, .abandoned, .open(in: 200)])
        #expect(story.news.flatMap(\.lines).first == "prog[100]: MPTCP socket")
        let report = SocketReport(command: [], end: .exited(0), sockets: sockets)
        #expect(report.lines()[1].contains("100 prog     - - "), "\(report.lines())")
        let text = String(decoding: report.json.text, as: UTF8.self)
        #expect(text.contains(#""fd": null, "#) && text.contains(#""fd": 4, "#), "\(text)")
    }

    @Test("what was open before the run is not listed")
    func fromBefore() {
        story.happens(
            Record.started(100), Record.inherited(100, 0, 7),
            Record.closed(100, 0, 7, MPTCPIZE_WIRE_TCP))
        #expect(story.ends().isEmpty)
    }

    @Test("a socket with two descriptors counts when the last one is closed")
    func duplicated() {
        story.happens(
            Record.created(100, 3, 7), Record.duplicated(100, 4, 7, from: 3),
            Record.closed(100, 3, 7, MPTCPIZE_WIRE_MPTCP, subflows: 1))
        story.answers[[100, 4]] = .gone
        story.happens(Record.closed(100, 4, 7, MPTCPIZE_WIRE_MPTCP, subflows: 3))
        #expect(story.ends().first?.answer.subflows == 3)
    }

    @Test(
        "a listener lives on in the child of a daemon, whenever the child's record comes",
        arguments: [true, false])
    func daemon(childIsLate: Bool) {
        let fork = Record.forked(200, from: 100)
        let exit = Record.closed(100, 3, 7, MPTCPIZE_WIRE_LISTENING, MPTCPIZE_CAUSE_EXIT)
        story.happens(Record.created(100, 3, 7), Record.listening(100, 3, 7, local: "0.0.0.0:80"))
        story.happens(Record.forking(100))
        story.happens(childIsLate ? exit : fork, childIsLate ? fork : exit)
        story.dies(100)
        story.answers[[200, 3]] = .answer(
            WireAnswer(wire: .listening, subflows: 0, bytesSent: .max, bytesReceived: .max))
        #expect(story.ends().first?.why == "still open in 200")
        #expect(story.ends().first?.answer.wire == .listening)
    }

    @Test("a connection that a child closes after its parent did")
    func handedToChild() {
        story.happens(
            Record.accepted(100, 5, 9, local: "10.0.0.1:80", remote: "10.0.0.2:4000"),
            Record.forked(200, from: 100),
            Record.closed(100, 5, 9, MPTCPIZE_WIRE_MPTCP, sent: 0),
            Record.closed(200, 5, 9, MPTCPIZE_WIRE_MPTCP, MPTCPIZE_CAUSE_EXIT, sent: 500))
        #expect(story.ends().first?.answer.bytesSent == 500)
        #expect(story.ends().first?.why == "")
    }

    @Test("a child killed with a connection leaves it unknown, though the parent closed its own")
    func killedChild() {
        story.happens(
            Record.accepted(100, 5, 9, local: "10.0.0.1:80", remote: "10.0.0.2:4000"),
            Record.forking(100), Record.closed(100, 5, 9, MPTCPIZE_WIRE_MPTCP),
            Record.forked(200, from: 100))
        story.dies(200)
        #expect(story.ends().first?.answer.wire == .unknown)
        #expect(story.ends().first?.why == "its process ended without closing it")
    }

    @Test("a child has nothing of what its parent opened since, whenever the child's record comes")
    func openedSinceFork() {
        story.happens(
            Record.forking(100), Record.created(100, 3, 7), Record.forked(200, from: 100),
            Record.closed(100, 3, 7, MPTCPIZE_WIRE_MPTCP))
        #expect(story.ends().first?.answer.wire == .mptcp)
    }

    @Test("a child of a process that became another program at once has what that one had")
    func forkThenExec() {
        story.happens(
            Record.created(100, 3, 7), Record.forking(100),
            Record.closed(100, 3, 7, MPTCPIZE_WIRE_MPTCP, MPTCPIZE_CAUSE_EXEC, sent: 1),
            Record.started(100), Record.forked(200, from: 100))
        story.answers[[200, 3]] = .answer(
            WireAnswer(wire: .mptcp, subflows: 1, bytesSent: 2, bytesReceived: 0))
        #expect(story.ends().first?.answer.bytesSent == 2)
        #expect(story.ends().first?.why == "still open in 200")
    }

    @Test("a process that lives on without its socket did not end with it")
    func closedUnseen() {
        story.happens(
            Record.created(100, 3, 7), Record.forking(100), Record.forked(200, from: 100),
            Record.closed(100, 3, 7, MPTCPIZE_WIRE_MPTCP))
        story.answers[[200, 3]] = .closed
        #expect(story.ends().first?.answer.wire == .unknown)
        #expect(story.ends().first?.why == "closed where it could not be seen")
    }

    @Test("who watches is told of sockets for which there is no more room, too")
    func noRoom() {
        var ledger = SocketLedger(mostEntries: 1) { _ in true }
        let news = [Record.created(100, 3, 7), Record.created(100, 4, 8)].map {
            ledger.feed(SocketEvent($0)!)?.lines
        }
        #expect(news == [["prog[100] fd 3: MPTCP socket"], ["prog[100] fd 4: MPTCP socket"]])
        #expect(ledger.overflow == 1)
        #expect(ledger.finish(main: nil) { _, _, _ in .gone }.count == 1)
    }

    @Test("who is dead when another close is read held the socket for less long")
    func deadBeforeTheLastClose() {
        story.happens(Record.created(100, 3, 7), Record.forked(200, from: 100))
        story.dies(200)
        story.happens(Record.closed(100, 3, 7, MPTCPIZE_WIRE_MPTCP, subflows: 2))
        #expect(story.ends().first?.answer.wire == .mptcp)
    }

    @Test("a killed program leaves its connections unknown, and its listeners listening")
    func killed() {
        story.happens(
            Record.created(100, 3, 7), Record.listening(100, 3, 7, local: "0.0.0.0:80"),
            Record.accepted(100, 4, 8, local: "10.0.0.1:80", remote: "10.0.0.2:4000"))
        let sockets = story.ends(.signalled(SIGKILL))
        #expect(sockets.map(\.answer.wire) == [.listening, .unknown])
        #expect(sockets[1].why == "killed by SIGKILL before it was closed")
    }

    @Test("exec takes what is close-on-exec, and the new image inherits the rest")
    func exec() {
        story.happens(
            Record.created(100, 3, 7), Record.created(100, 4, 8),
            Record.closed(100, 3, 7, MPTCPIZE_WIRE_FALLBACK, MPTCPIZE_CAUSE_EXEC))
        #expect(story.news.count == 2)
        story.happens(Record.started(100), Record.inherited(100, 4, 8))
        #expect(story.news.count == 3)
        story.happens(Record.closed(100, 4, 8, MPTCPIZE_WIRE_MPTCP))
        #expect(story.ends().map(\.answer.wire) == [.fallback, .mptcp])
    }

    @Test("closes of an exec that failed are void")
    func execFailed() {
        story.happens(
            Record.created(100, 3, 7),
            Record.closed(100, 3, 7, MPTCPIZE_WIRE_UNCONNECTED, MPTCPIZE_CAUSE_EXEC),
            Record.execFailed(100))
        #expect(story.ends(.signalled(SIGSEGV)).first?.answer.wire == .unknown)
        story.happens(Record.closed(100, 3, 7, MPTCPIZE_WIRE_MPTCP))
        #expect(story.ends().first?.answer.wire == .mptcp)
    }

    @Test("what vfork's child closes by its exec stays open in the parent")
    func vfork() {
        story.happens(
            Record.created(100, 3, 7),
            Record.closed(200, 3, 7, MPTCPIZE_WIRE_UNCONNECTED, MPTCPIZE_CAUSE_EXEC),
            Record.started(200))
        story.answers[[100, 3]] = .gone
        story.happens(Record.closed(100, 3, 7, MPTCPIZE_WIRE_MPTCP))
        #expect(story.ends().first?.answer.wire == .mptcp)
    }

    @Test("a PID that is used again holds nothing of its former owner's")
    func reusedPID() {
        story.happens(
            Record.created(200, 3, 7), Record.forked(200, from: 100),
            Record.created(200, 3, 8), Record.closed(200, 3, 8, MPTCPIZE_WIRE_MPTCP))
        let sockets = story.ends()
        #expect(sockets.map(\.answer.wire) == [.unknown, .mptcp])
        #expect(sockets[0].why == "closed where it could not be seen")
    }

    @Test("a process that lives is asked, and one that may not be asked is named")
    func stillOpen() {
        story.happens(Record.created(200, 3, 7), Record.created(300, 3, 8))
        story.answers[[200, 3]] = .answer(
            WireAnswer(wire: .mptcp, subflows: 2, bytesSent: 1, bytesReceived: 2))
        story.answers[[300, 3]] = .refused(Errno(rawValue: EPERM))
        let sockets = story.ends()
        #expect(sockets.map(\.answer.wire) == [.mptcp, .unknown])
        #expect(
            sockets.map(\.why) == [
                "still open in 200", "still open in 300, which may not be asked",
            ]
        )
    }

    @Test("a descriptor that is used again was closed unseen")
    func rawClose() {
        story.happens(
            Record.created(100, 3, 7), Record.created(100, 3, 8),
            Record.closed(100, 3, 8, MPTCPIZE_WIRE_TCP))
        #expect(story.ends().map(\.why) == ["closed where it could not be seen", ""])
    }

    @Test("the paths of a connection that was shut down before it was closed")
    func shutDown() {
        story.happens(
            Record.created(100, 3, 7), Record.observed(100, 3, 7, MPTCPIZE_WIRE_MPTCP, subflows: 2),
            Record.closed(100, 3, 7, MPTCPIZE_WIRE_MPTCP, subflows: 0, sent: 5))
        #expect(story.ends().first?.answer.subflows == 2)
        #expect(story.ends().first?.answer.bytesSent == 5)
    }

    @Test(
        "the end of the stream is no byte: what is one more than before the shutdown",
        arguments: [(UInt64(5), UInt64(5)), (6, 5), (5, 5), (9, 9)])
    func endOfStream(closing: UInt64, sent: UInt64) {
        story.happens(
            Record.created(100, 3, 7),
            // Not yet connected, it failed; of the two others, the first one counts.
            Record.observed(100, 3, 7, MPTCPIZE_WIRE_UNCONNECTED, subflows: 0, sent: 0),
            Record.observed(100, 3, 7, MPTCPIZE_WIRE_MPTCP, subflows: 1, sent: 5),
            Record.observed(100, 3, 7, MPTCPIZE_WIRE_MPTCP, subflows: 1, sent: 6),
            Record.closed(100, 3, 7, MPTCPIZE_WIRE_MPTCP, sent: closing))
        #expect(story.ends().first?.answer.bytesSent == sent)
    }

    @Test("sockets without a number are told apart by process and descriptor")
    func noNumbers() {
        story.happens(
            Record.created(100, 3, 0), Record.duplicated(100, 5, 0, from: 3),
            Record.created(100, 4, 0), Record.forked(200, from: 100),
            Record.closed(100, 3, 0, MPTCPIZE_WIRE_TCP),
            Record.closed(100, 5, 0, MPTCPIZE_WIRE_TCP),
            Record.closed(200, 3, 0, MPTCPIZE_WIRE_TCP),
            Record.closed(200, 5, 0, MPTCPIZE_WIRE_TCP),
            Record.started(100), Record.inherited(100, 4, 0),
            Record.closed(100, 4, 0, MPTCPIZE_WIRE_UNCONNECTED),
            Record.closed(200, 4, 0, MPTCPIZE_WIRE_TCP))
        #expect(story.ends().map(\.answer.wire) == [.tcp, .tcp])
    }

    @Test("sockets of one number stay apart")
    func sharedNumber() {
        story.happens(
            Record.created(100, 3, 7), Record.listening(100, 3, 7, local: "0.0.0.0:80"),
            Record.accepted(100, 4, 7, local: "10.0.0.1:80", remote: "10.0.0.2:1"),
            Record.accepted(100, 5, 7, local: "10.0.0.1:80", remote: "10.0.0.2:2"),
            Record.closed(100, 4, 7, MPTCPIZE_WIRE_MPTCP, sent: 4),
            Record.closed(100, 5, 7, MPTCPIZE_WIRE_MPTCP, sent: 5),
            Record.closed(100, 3, 7, MPTCPIZE_WIRE_LISTENING))
        #expect(story.ends().map(\.answer.bytesSent) == [nil, 4, 5])
        #expect(story.ends().map(\.answer.wire) == [.listening, .mptcp, .mptcp])
    }

    @Test("a server that forks for each connection, 5000 times")
    func manyForks() {
        story.happens(Record.created(100, 3, 1), Record.listening(100, 3, 1, local: "0.0.0.0:80"))
        for number in 0..<5000 as Range<Int32> {
            let inode = UInt64(number) + 10
            let child = 1000 + number
            story.happens(
                Record.accepted(100, 4, inode, local: "10.0.0.1:80", remote: "10.0.0.2:4000"),
                Record.forking(100), Record.closed(100, 4, inode, MPTCPIZE_WIRE_MPTCP),
                Record.forked(child, from: 100),
                Record.closed(child, 3, 1, MPTCPIZE_WIRE_LISTENING, MPTCPIZE_CAUSE_EXIT),
                Record.closed(child, 4, inode, MPTCPIZE_WIRE_MPTCP, MPTCPIZE_CAUSE_EXIT, sent: 1))
            story.dies(child)
        }
        story.happens(Record.closed(100, 3, 1, MPTCPIZE_WIRE_LISTENING, MPTCPIZE_CAUSE_EXIT))
        let sockets = story.ends()
        #expect(sockets.count == 5001)
        #expect(sockets.dropFirst().allSatisfy { $0.answer.bytesSent == 1 && $0.why.isEmpty })
        #expect(story.ledger.overflow == 0)
    }

    @Test("no garbage makes it fail")
    func garbage() {
        var random = Seeded(state: 1)
        for round in 0..<100_000 {
            var record = mptcpize_event()
            withUnsafeMutableBytes(of: &record) {
                for index in $0.indices { $0[index] = UInt8.random(in: 0...255, using: &random) }
            }
            if round % 4 != 0 {  // small numbers meet each other
                record.kind = UInt8.random(in: 1...13, using: &random)
                record.pid = Int32.random(in: 1...8, using: &random)
                record.fd = Int32.random(in: -1...8, using: &random)
                record.origin = Int32.random(in: 0...8, using: &random)
                record.inode = UInt64.random(in: 0...8, using: &random)
            }
            story.happens(record)
        }
        let report = SocketReport(command: [], end: .exited(0), sockets: story.ends())
        #expect(report.lines().count > 1)
        #expect((try? JSONSerialization.jsonObject(with: Data(report.json.text))) != nil)
    }
}

/// splitmix64: the same numbers on each run.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
