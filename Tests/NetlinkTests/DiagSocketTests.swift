import Foundation
import Recordings
import Testing

@testable import Netlink

@Suite("Socket diagnosis")
struct DiagSocketTests {
    private func sockets(_ datagram: [UInt8], _ list: DiagSocket.List) throws -> [DiagSocket] {
        let channel = RecordedChannel { _, _ in [datagram, Messages.done()] }
        return try channel.dump(DiagSocket.request(list, family: AF_INET, states: .max)) {
            DiagSocket($0, listing: list)
        }.items
    }

    @Test("an MPTCP connection")
    func connection() throws {
        let found = try sockets(RecordedDumps.mptcp, .mptcp)
        let socket = try #require(found.first)
        #expect(found.count == 1)
        #expect(socket.state == .established)
        #expect(socket.local.text == "10.0.1.1:48934")
        #expect(socket.remote.text == "10.0.1.2:4000")
        #expect(socket.inode == 0x332195)
        #expect(socket.cookie == 0x75008)
        #expect(socket.receiveQueue == 2832)
        #expect(socket.unknownAttributes.isEmpty)
        let info = try #require(socket.mptcp)
        #expect(info.token == 0x8c5d_1d91)
        #expect(info.flags == .remoteKeyReceived)
        #expect(info.paths == 2)
        #expect(info.extraSubflows == 1)
        #expect(info.bytesSent == 3000)
        #expect(info.bytesReceived == 2000)
        #expect(info.bytesRetransmitted == 3000)
        #expect(info.bytesAcknowledged == 3000)
        #expect(info.lastDataSent == 0x5d0)
        #expect(info.lastAcknowledgement == 0x504)
    }

    @Test("its subflows")
    func subflows() throws {
        let found = try sockets(RecordedDumps.tcp, .tcp)
        try #require(found.count == 2)
        let backup = try #require(found[0].subflow)
        #expect(found[0].upperLayer == "mptcp")
        #expect(found[0].local.text == "10.0.2.1:38315")
        #expect(backup.localToken == 0x8c5d_1d91)
        #expect(backup.localID == 5)
        #expect(backup.remoteID == 0)
        #expect(
            backup.flags
                == [.joinRemote, .joinLocal, .backupLocal, .fullyEstablished, .connected])
        let first = try #require(found[1].subflow)
        #expect(first.flags == [.capableRemote, .capableLocal, .fullyEstablished, .connected])
        #expect(first.localID == 0)
        let info = try #require(found[1].tcp)
        #expect(info.bytesSentOnce == 6000)
        #expect(info.bytesReceived == 2000)
        #expect(info.retransmits == 0)
    }

    @Test("kernels whose struct mptcp_info ends earlier", arguments: 0...96)
    func olderKernels(length: Int) throws {
        let info = Array(Messages.mptcpInfo[..<length])
        let found = try sockets(Messages.socket(Messages.attribute(2, info)), .mptcp)
        let mptcp = found.first?.mptcp
        #expect((mptcp != nil) == (length >= 16), "flags and token have been there from the start")
        guard let mptcp else { return }
        #expect(mptcp.token == 0x8c5d_1d91)
        // Linux 6.1 ends at 48 (csum_enabled), 6.5 at 80, 6.8 at 88 (subflows_total).
        #expect((mptcp.bytesSent != nil) == (length >= 64))
        #expect((mptcp.bytesAcknowledged != nil) == (length >= 80))
        #expect((mptcp.subflowsTotal != nil) == (length >= 81))
        #expect((mptcp.lastAcknowledgement != nil) == (length >= 96))
        #expect(mptcp.paths == 2, "older kernels tell the extra ones only")
    }

    @Test("a newer kernel's longer structs, flags and attributes")
    func newerKernels() throws {
        let socket = try #require(try sockets(Messages.socketOfNewerKernel, .mptcp).first)
        #expect(socket.mptcp?.flags.unknown.rawValue == 0x80_0000)
        #expect(socket.mptcp?.bytesSent == 3000)
        #expect(socket.unknownAttributes == [99])
        #expect(socket.subflow?.localToken == 7)
        #expect(socket.subflow?.flags.unknown.rawValue == 0x1000_0000)
        #expect(socket.subflow?.unknownAttributes == [77])
    }

    @Test("IPv6 addresses, the link of link-local ones")
    func ipv6() throws {
        var header = Array(RecordedDumps.mptcp[16..<88])
        header[0] = UInt8(AF_INET6)
        header.replaceSubrange(
            8..<24, with: [0xFE, 0x80] + [UInt8](repeating: 0, count: 13) + [1])
        header.replaceSubrange(
            24..<40, with: [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [2])
        header.replaceSubrange(40..<44, with: Messages.bytes(UInt32(3)))
        let found = try sockets(Messages.message(type: 20, header), .mptcp)
        #expect(found.first?.local.text == "[fe80::1%3]:48934")
        #expect(found.first?.remote.text == "[2001:db8::2]:4000")
    }

    @Test("a state of a newer kernel is shown by its number")
    func states() {
        #expect(TCPState(rawValue: 10).name == "LISTEN")
        #expect(TCPState(rawValue: 12).name == "SYN-RECV")
        #expect(TCPState(rawValue: 0).name == "state-0")
        #expect(TCPState(rawValue: 200).name == "state-200")
    }
}
