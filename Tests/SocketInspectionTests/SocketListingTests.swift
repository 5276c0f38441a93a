import Foundation
import Processes
import Recordings
import SocketValues
import TestSupport
import Testing
import TextOutput

@testable import SocketInspection

@Suite("The socket listing")
struct SocketListingTests {
    private func listing(_ channel: RecordedChannel) throws -> SocketListing {
        SocketListing(joining: try SocketInventory(over: channel), owners: SocketOwners())
    }

    @Test("a connection has its subflows by token, the first one first")
    func joinedByToken() throws {
        let listing = try listing(.ofRecordedDumps())
        let socket = try #require(listing.sockets.first)
        #expect(listing.sockets.count == 1)
        #expect(socket.wire == .mptcp)
        #expect(socket.paths == 2)
        #expect(socket.bytesSent == 3000)
        #expect(socket.bytesReceived == 2000)
        #expect(socket.subflows.map(\.local.text) == ["10.0.1.1:48934", "10.0.2.1:38315"])
        #expect(socket.subflows.map { $0.role?.isBackup } == [false, true])
        #expect(socket.subflows.map { $0.role?.isJoined } == [false, true])
    }

    @Test("where the kernel does not tell an unprivileged user the token, by inode")
    func joinedByInode() throws {
        // INET_DIAG_ULP_INFO (19) renamed to an attribute of which nothing is read.
        let hidden = RecordedDumps.tcp.replacing([0x68, 0, 0x13, 0], with: [0x68, 0, 0x14, 0])
        let listing = try listing(.ofRecordedDumps(tcp: hidden))
        #expect(listing.sockets.count == 1)
        #expect(listing.sockets.first?.subflows.count == 2)
    }

    /// What a socket of this process is that has no token, and so is in the list of TCP only.
    private func unlisted(state: UInt8 = 1, flags: UInt32) throws -> Wire? {
        let own = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(own) }
        var status = stat()
        try #require(fstat(own, &status) == 0)
        let upperLayer =
            Messages.attribute(1, Array("mptcp\0".utf8))
            + Messages.attribute(3 | 0x8000, Messages.attribute(8, Messages.bytes(flags)))
        var subflow = Messages.socket(Messages.attribute(19 | 0x8000, upperLayer))
        subflow[17] = state
        subflow.replaceSubrange(84..<88, with: Messages.bytes(UInt32(status.st_ino)))
        let inventory = try SocketInventory(
            over: RecordedChannel.ofRecordedDumps(
                mptcp: Messages.done(), tcp: subflow + Messages.done()))
        let owners = SocketOwners { $0 == getpid() }
        return SocketListing(joining: inventory, owners: owners).sockets.first?.wire
    }

    @Test("a socket that is in the list of TCP only: not yet, or no longer, MPTCP")
    func unlisted() throws {
        #expect(try unlisted(state: 2, flags: 0x02) == .unconnected)
        #expect(try unlisted(state: 7, flags: 0x02) == .unconnected)
        #expect(try unlisted(state: 10, flags: 0) == .listening)
        // It fell back before it asked (after a blackhole), or came between the two lists.
        #expect(try unlisted(flags: 0x80) == .fallback)
        #expect(try unlisted(flags: 0xC3) == .mptcp)
        #expect(try unlisted(flags: 0xCC) == nil, "a part of another connection")
    }

    @Test("without byte counters (Linux 6.1), what the subflows carried is told")
    func withoutCounters() throws {
        let old = Messages.socket(Messages.attribute(2, Array(Messages.mptcpInfo[..<48])))
        let listing = try listing(.ofRecordedDumps(mptcp: old + Messages.done()))
        let socket = try #require(listing.sockets.first)
        #expect(socket.bytesSent == 6000)
        #expect(socket.bytesReceived == 2000)
        #expect(socket.idle == 0x504)
        #expect(socket.paths == 2)
    }

    @Test("a kernel without MPTCP diagnosis: no MPTCP sockets, and TCP is listed")
    func withoutDiagnosis() throws {
        let channel = RecordedChannel { request, _ in
            let isTCP = request[17] == UInt8(IPPROTO_TCP)
            return [isTCP ? Messages.done() : Messages.error(ENOENT)]
        }
        let inventory = try SocketInventory(over: channel)
        #expect(inventory.mptcpRefusal?.rawValue == ENOENT)
        #expect(inventory.mptcp.isEmpty)
    }

    @Test("text: a table, then its sum")
    func text() throws {
        let lines = try listing(.ofRecordedDumps()).lines(SocketTextOptions(isDetailed: true))
        let columns = lines.map { $0.split(separator: " ").map(String.init) }
        #expect(
            columns[0] == [
                "STATE", "WIRE", "LOCAL", "REMOTE", "PATHS", "SENT", "RECEIVED", "RETRANS",
                "IDLE", "PROGRAM",
            ])
        #expect(
            columns[1].prefix(9) == [
                "ESTAB", "mptcp", "10.0.1.1:48934", "10.0.1.2:4000", "2", "3.0", "kB", "2.0", "kB",
            ])
        #expect(columns[3].prefix(4) == ["└", "ESTAB", "backup", "10.0.2.1:38315"])
        #expect(lines.contains { $0.contains("id 5:0, backup: this end asked for it") })
        #expect(lines.last == "1 connection: 1 MPTCP (1 over several paths).")
    }

    @Test("a narrow terminal: notes go to lines of their own, and no line is empty")
    func narrow() throws {
        let lines = try listing(.ofRecordedDumps()).lines(
            SocketTextOptions(isDetailed: true, width: 80))
        #expect(lines.contains("    id 5:0, backup: this end asked for it"))
        #expect(lines.allSatisfy { $0.contains { $0 != " " } })
    }

    @Test("JSON tells the same")
    func json() throws {
        let text = String(decoding: try listing(.ofRecordedDumps()).json().line, as: UTF8.self)
        #expect(text.contains(#""local": "10.0.1.1:48934", "remote": "10.0.1.2:4000""#))
        #expect(text.contains(#""paths": 2, "bytes_sent": 3000, "bytes_received": 2000"#))
        #expect(text.contains(#""backup": true"#))
        #expect(text.contains(#""multipath": 1"#))
    }

    @Test("rates are bytes per second, and a counter that went back is no rate")
    func rates() throws {
        let before = try listing(.ofRecordedDumps())
        var after = before
        after.sockets[0].socket.mptcp?.bytesSent = 3000 + 500
        after.sockets[0].socket.mptcp?.bytesReceived = 10
        let rates = SocketRates(from: before, to: after, elapsed: .milliseconds(250))
        #expect(rates.of(after.sockets[0]) == SocketRates.Rate(sent: 2000, received: 0))
        after.sockets[0].socket.cookie = 1
        #expect(rates.of(after.sockets[0]) == nil)
    }

    @Test("ages for people")
    func ages() {
        let ages: [(UInt64, String)] = [
            (0, "0ms"), (999, "999ms"), (1500, "1.5s"), (59_999, "59s"), (60_000, "1m"),
            (3_600_000, "1h"), (200_000_000, "2d"),
        ]
        for (milliseconds, text) in ages { #expect(duration(milliseconds: milliseconds) == text) }
    }

    @Test("what a newer kernel tells is shown by its number")
    func newerKernel() throws {
        let channel = RecordedChannel { request, _ in
            request[16] == UInt8(AF_INET) && request[17] != UInt8(IPPROTO_TCP)
                ? [Messages.socketOfNewerKernel, Messages.done()] : [Messages.done()]
        }
        var socket = try #require(try listing(channel).sockets.first)
        socket.subflows = [socket.socket]
        var listing = SocketListing()
        listing.sockets = [socket]
        let text = listing.lines(SocketTextOptions(isDetailed: true)).joined(separator: "\n")
        #expect(text.contains("flags 0x800000; attributes 99"))
        #expect(text.contains("flags 0x10000000, attributes 77"))
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
