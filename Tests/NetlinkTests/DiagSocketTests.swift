import Foundation
import Processes
import Recordings
import SocketInspection
import TestSupport
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
        var info = Messages.mptcpInfo + [UInt8](repeating: 0xEE, count: 40)
        info[10] = 0x80  // bit 23 of the flags
        let subflow =
            Messages.attribute(2, Messages.bytes(UInt32(7)))
            + Messages.attribute(8, Messages.bytes(UInt32(0x1000_0083)))
            + Messages.attribute(77, [1])
        let upperLayer =
            Messages.attribute(1, Array("mptcp\0".utf8)) + Messages.attribute(3 | 0x8000, subflow)
        let datagram = Messages.socket(
            Messages.attribute(2, info), Messages.attribute(99, [1, 2, 3]),
            Messages.attribute(19 | 0x8000, upperLayer))
        let socket = try #require(try sockets(datagram, .mptcp).first)
        #expect(socket.mptcp?.flags.unknown.rawValue == 0x80_0000)
        #expect(socket.mptcp?.bytesSent == 3000)
        #expect(socket.unknownAttributes == [99])
        #expect(socket.subflow?.localToken == 7)
        #expect(socket.subflow?.flags.unknown.rawValue == 0x1000_0000)
        #expect(socket.subflow?.unknownAttributes == [77])

        var listing = SocketListing()
        listing.sockets = [ListedSocket(socket: socket, wire: .mptcp, subflows: [socket])]
        let text = listing.lines(SocketTextOptions(isDetailed: true)).joined(separator: "\n")
        #expect(text.contains("flags 0x800000; attributes 99"))
        #expect(text.contains("flags 0x10000000, attributes 77"))
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

    @Test("bytes of any kind are answered with a listing or an error, never with a crash")
    func fuzz() throws {
        var random = SeededGenerator(state: 20_240_607)
        let rounds = 6000
        var (parsed, joined, refused) = (0, 0, 0)
        for round in 0..<rounds {
            let channel = RecordedChannel.ofRecordedDumps(
                mptcp: RecordedDumps.mptcp.mutated(using: &random),
                tcp: RecordedDumps.tcp.mutated(using: &random))
            let inventory: SocketInventory
            do {
                inventory = try SocketInventory(over: channel)
            } catch {
                #expect(error.rawValue > 0)
                refused += 1
                continue
            }
            #expect(inventory.mptcp.count <= 3 && inventory.tcp.count <= 6)
            if !inventory.mptcp.isEmpty && !inventory.tcp.isEmpty { parsed += 1 }
            let listing = SocketListing(
                joining: inventory, owners: SocketOwners(), underUs: { _ in true })
            if listing.sockets.first?.subflows.count == 2 { joined += 1 }
            let rates = SocketRates(from: listing, to: listing, elapsed: .zero)
            for line in listing.lines(SocketTextOptions(isDetailed: true, rates: rates)) {
                #expect(!line.isEmpty && !line.contains("\n") && !line.contains("\u{1B}"))
            }
            guard round.isMultiple(of: 20) else { continue }
            let document = Data(listing.json(rates: rates).text)
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: document) }
        }
        // Many are taken for what they say, to the end, and some are refused as a whole.
        #expect(parsed > rounds / 4, "\(parsed) of \(rounds)")
        #expect(joined > rounds / 5, "\(joined) of \(rounds)")
        #expect(refused > 0 && refused < rounds / 2, "\(refused) of \(rounds)")
    }
}

extension [UInt8] {
    /// With some bytes changed, left out, put in twice, or cut off. Most changes are such that
    /// the message stays whole, so that what reads its attributes sees them.
    func mutated(using random: inout SeededGenerator) -> [UInt8] {
        var bytes = self
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            guard bytes.count > 24 else { break }
            let place = Int.random(in: 16..<bytes.count - 8, using: &random)
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<6: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 6..<12: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            // Lengths and types of attributes lie at multiples of four.
            case 12..<17:
                let value = [0, 1, 3, 4, 5, 8, 20, 0x7FFF, 0xFFFF].randomElement(using: &random)!
                bytes[place & ~3] = UInt8(value & 0xFF)
                bytes[(place & ~3) + 1] = UInt8(value >> 8)
            case 17: bytes.removeSubrange(place..<place + 4)
            case 18: bytes.insert(contentsOf: bytes[place..<place + 8], at: place)
            default: bytes = Array(bytes.prefix(place))
            }
        }
        return bytes
    }
}
