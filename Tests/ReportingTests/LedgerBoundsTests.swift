import Recordings
import Reporting
import SocketEvents
import SocketRecords
import Testing

/// What is as long as a list of sockets is done bit by bit, and comes to the same.
@Suite("The ledger of many sockets")
struct LedgerBoundsTests {
    private let story = Story()
    private let many: Int32 = 3 * Int32(SocketLedger.moment)

    private func open() {
        for fd in 0..<many { story.happens(Record.created(100, fd, UInt64(fd) + 10)) }
    }

    @Test("a fork of a process with many: each is the child's too")
    func fork() {
        open()
        story.happens(Record.forking(100), Record.forked(200, from: 100))
        #expect(story.ledger.isBusy)
        // The next record comes when it is through.
        for fd in 0..<many {
            story.happens(Record.closed(100, fd, UInt64(fd) + 10, MPTCPIZE_WIRE_MPTCP, sent: 1))
        }
        for fd in 0..<many { story.answers[[200, fd]] = .answer(.unknown) }
        #expect(story.ends().allSatisfy { $0.fate == .open(in: 200) })
        for fd in 0..<many {
            story.happens(Record.closed(200, fd, UInt64(fd) + 10, MPTCPIZE_WIRE_MPTCP, sent: 2))
        }
        #expect(story.ends().allSatisfy { $0.fate == .closed && $0.answer.bytesSent == 2 })
        #expect(story.ledger.overflow == 0)
    }

    @Test("another image of it: what it does not find again is closed")
    func image() {
        open()
        story.happens(Record.started(100))
        #expect(story.ledger.isBusy)
        story.happens(Record.inherited(100, 7, 17))
        let sockets = story.ends()
        #expect(sockets.count == Int(many))
        #expect(!story.ledger.isBusy)
        // It had that one when it ended; the others were gone by then.
        #expect(sockets.filter { $0.fate == .abandoned }.map(\.fd) == [7])
        #expect(sockets.count { $0.fate == .unseen } == Int(many) - 1)
    }

    @Test("one socket under many numbers: its last close counts, whatever the order")
    func holders() {
        story.happens(Record.created(100, 0, 7))
        for fd in 1..<many { story.happens(Record.duplicated(100, fd, 7, from: 0)) }
        for fd in (1..<many).reversed() {
            story.happens(Record.closed(100, fd, 7, MPTCPIZE_WIRE_UNCONNECTED))
        }
        story.happens(Record.closed(100, 0, 7, MPTCPIZE_WIRE_MPTCP, sent: 9))
        let sockets = story.ends()
        #expect(sockets.count == 1)
        #expect(sockets[0].fate == .closed && sockets[0].answer.bytesSent == 9)
        #expect(story.ledger.overflow == 0)
    }

    @Test("a socket of more holders than are kept: counted, and closed all the same")
    func tooMany() {
        story.happens(Record.created(100, 0, 7))
        for fd in 1...(1 << 16) as ClosedRange<Int32> {
            story.happens(Record.duplicated(100, fd, 7, from: 0))
        }
        #expect(story.ledger.overflow == 1)
        for fd in 0...(1 << 16) as ClosedRange<Int32> {
            story.happens(Record.closed(100, fd, 7, MPTCPIZE_WIRE_MPTCP))
        }
        #expect(story.ends().first?.fate == .closed)
    }

    @Test("a closed socket whose many holders died without a word is closed")
    func deadHolders() {
        story.happens(Record.created(100, 3, 7))
        for pid in 200..<300 as Range<Int32> {
            story.happens(Record.forking(100), Record.forked(pid, from: 100))
            story.dies(pid)
        }
        story.happens(Record.closed(100, 3, 7, MPTCPIZE_WIRE_MPTCP, sent: 5))
        #expect(story.ends().first?.answer.bytesSent == 5)
    }
}
