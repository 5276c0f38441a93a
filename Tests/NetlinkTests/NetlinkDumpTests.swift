import Glibc
import LinuxSystem
import Recordings
import Testing

@testable import Netlink

@Suite("Netlink dumps")
struct NetlinkDumpTests {
    private let request = DiagSocket.request(.mptcp, family: AF_INET, states: .max)

    private func inodes(_ channel: RecordedChannel) throws -> NetlinkDump<UInt32> {
        try channel.dump(request) { DiagSocket($0, listing: .mptcp)?.inode }
    }

    @Test("an answer in several datagrams is one list")
    func parts() throws {
        let channel = RecordedChannel { _, _ in
            [Messages.socket() + Messages.socket(), Messages.socket(), Messages.done()]
        }
        let dump = try inodes(channel)
        #expect(dump.items.count == 3)
        #expect(dump.isConsistent)
    }

    @Test("an interrupted list is asked for again, and nothing of it is kept")
    func interrupted() throws {
        let interrupted: UInt16 = 0x12  // NLM_F_MULTI | NLM_F_DUMP_INTR
        let channel = RecordedChannel { _, number in
            switch number {
            case 0: [Messages.socket() + Messages.socket(flags: interrupted) + Messages.done()]
            // The kernel may find out at the very end.
            case 1: [Messages.socket() + Messages.done(flags: interrupted)]
            default: [Messages.socket() + Messages.done()]
            }
        }
        let dump = try inodes(channel)
        #expect(channel.requests.count == 3)
        #expect(dump.items.count == 1)
        #expect(dump.isConsistent)
        let sequences = Set(channel.requests.map { Array($0[8..<12]) })
        #expect(sequences.count == 3, "each request has a number of its own")
    }

    @Test("a list that never holds still is given as it is, and says so")
    func neverConsistent() throws {
        let channel = RecordedChannel { _, _ in [Messages.socket(flags: 0x12) + Messages.done()] }
        let dump = try inodes(channel)
        #expect(dump.items.count == 1)
        #expect(!dump.isConsistent)
        #expect(channel.requests.count < 20)
    }

    @Test("the kernel's refusal is thrown", arguments: [EPERM, ENOENT, EOPNOTSUPP])
    func refused(error: Int32) {
        for answer in [Messages.error(error), Messages.done(error)] {
            let channel = RecordedChannel { _, _ in [answer] }
            #expect(throws: Errno(rawValue: error)) { try inodes(channel) }
        }
    }

    @Test("what answers an earlier request is left out")
    func sequence() throws {
        let channel = RecordedChannel { _, _ in [Messages.done()] }
        try channel.send(request.message(sequence: 1))
        // The answer to that one is still waiting when the next list is asked for.
        let dump = try inodes(channel)
        #expect(dump.items.isEmpty)
    }

    @Test("an answer that says nothing ends in an error, not in waiting for good")
    func silence() {
        let channel = RecordedChannel { _, _ in [[], []] }
        #expect(throws: Errno(rawValue: EBADMSG)) { try inodes(channel) }
    }

    @Test("MPTCP is asked for by attribute, and not by a byte that would mean TCP")
    func requestBytes() {
        let bytes = request.message(sequence: 9)
        #expect(
            bytes
                == RecordedDumps.hexadecimal(
                    """
                    50000000  // length 80
                    1400  // SOCK_DIAG_BY_FAMILY
                    0103  // NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH
                    09000000 00000000  // sequence, port
                    02 00 02 00  // AF_INET, protocol 0, 1 << (INET_DIAG_INFO - 1), padding
                    ffffffff  // states
                    00000000000000000000000000000000  // any socket: 48 bytes of inet_diag_sockid
                    00000000000000000000000000000000
                    00000000000000000000000000000000
                    0800 0300 06010000  // INET_DIAG_REQ_PROTOCOL: 262
                    """))
    }
}
