import Glibc
import SocketEvents
import SocketPolicy
import Testing

/// A kernel that answers from a table: option level and name → bytes, or an errno.
private struct FakeKernel {
    var options: [Option: Answer] = [:]
    var unsent: Int32 = 0

    struct Option: Hashable {
        let level: Int32
        let name: Int32
        static let mptcpInfo = Option(level: 284, name: 1)
        static let tcpInfo = Option(level: 6, name: 11)
        static let windowClamp = Option(level: 6, name: 10)
        static let `protocol` = Option(level: SOL_SOCKET, name: 38)
        static let listening = Option(level: SOL_SOCKET, name: 30)
    }
    enum Answer {
        case bytes([UInt8])
        case error(Int32)
        static func int(_ value: Int32) -> Answer {
            .bytes(withUnsafeBytes(of: value.littleEndian, Array.init))
        }
    }

    /// What mptcpize_wire_answer makes of it. C function pointers capture nothing: the
    /// table goes by way of a global, one test at a time.
    func answer() -> mptcpize_answer? {
        FakeKernel.current = self
        var functions = mptcpize_kernel()
        functions.getsockopt = { _, level, name, value, length in
            switch FakeKernel.current.options[Option(level: level, name: name)] {
            case .error(let error): return -Int(error)
            case nil: return -Int(ENOPROTOOPT)
            case .bytes(let bytes):
                let count = min(bytes.count, Int(length!.pointee))
                value!.copyMemory(from: bytes, byteCount: count)
                length!.pointee = UInt32(count)
                return 0
            }
        }
        functions.ioctl = { _, _, argument in
            argument!.storeBytes(of: FakeKernel.current.unsent, as: Int32.self)
            return 0
        }
        var answer = mptcpize_answer()
        return mptcpize_wire_answer(3, &functions, &answer) ? answer : nil
    }

    private nonisolated(unsafe) static var current = FakeKernel()
}

/// struct mptcp_info of `size` bytes: 96 is Linux 6.18's, 48 Linux 6.1's.
private func mptcpInfo(
    flags: UInt32, extra: UInt8 = 0, total: UInt8 = 0, sent: UInt64 = 0, received: UInt64 = 0,
    size: Int = 96
) -> FakeKernel.Answer {
    var bytes = [UInt8](repeating: 0, count: 96)
    bytes[0] = extra
    bytes.withUnsafeMutableBytes {
        $0.storeBytes(of: flags, toByteOffset: 8, as: UInt32.self)
        $0.storeBytes(of: sent, toByteOffset: 56, as: UInt64.self)
        $0.storeBytes(of: received, toByteOffset: 64, as: UInt64.self)
    }
    bytes[80] = total
    return .bytes(Array(bytes.prefix(size)))
}

private func tcpInfo(
    state: UInt8, acknowledged: UInt64 = 0, received: UInt64 = 0, segmentsIn: UInt32 = 0,
    unsent: UInt32 = 0, sent: UInt64 = 0, retransmitted: UInt64 = 0
) -> FakeKernel.Answer {
    var bytes = [UInt8](repeating: 0, count: 256)
    bytes[0] = state
    bytes.withUnsafeMutableBytes {
        $0.storeBytes(of: acknowledged, toByteOffset: 120, as: UInt64.self)
        $0.storeBytes(of: received, toByteOffset: 128, as: UInt64.self)
        $0.storeBytes(of: segmentsIn, toByteOffset: 140, as: UInt32.self)
        $0.storeBytes(of: unsent, toByteOffset: 144, as: UInt32.self)
        $0.storeBytes(of: sent, toByteOffset: 200, as: UInt64.self)
        $0.storeBytes(of: retransmitted, toByteOffset: 208, as: UInt64.self)
    }
    return .bytes(bytes)
}

@Suite("What a socket is on the wire", .serialized)
struct WireTests {
    private static let established: UInt8 = 1
    private static let synSent: UInt8 = 2
    private static let closed: UInt8 = 7
    private static let closeWait: UInt8 = 8
    private static let listen: UInt8 = 10

    @Test("MPTCP, with paths and bytes, what is still queued included")
    func working() throws {
        let kernel = FakeKernel(
            options: [.mptcpInfo: mptcpInfo(flags: 2, extra: 1, total: 2, sent: 900, received: 5)],
            unsent: 100)
        let answer = try #require(kernel.answer())
        #expect(answer.wire == UInt8(MPTCPIZE_WIRE_MPTCP.rawValue) && answer.protocol == 262)
        #expect(answer.subflows == 2)
        #expect(answer.bytes_sent == 1000 && answer.bytes_received == 5)
    }

    @Test("MPTCP on Linux 6.1: no byte counters, and additional subflows only")
    func shortInfo() throws {
        let kernel = FakeKernel(options: [.mptcpInfo: mptcpInfo(flags: 2, extra: 1, size: 48)])
        let answer = try #require(kernel.answer())
        #expect(answer.wire == UInt8(MPTCPIZE_WIRE_MPTCP.rawValue) && answer.subflows == 2)
        #expect(answer.bytes_sent == .max && answer.bytes_received == .max)
    }

    @Test("MPTCP_INFO without the peer's key: not connected, or a listener")
    func withoutKey() throws {
        let fresh = FakeKernel(options: [.mptcpInfo: mptcpInfo(flags: 0)])
        #expect(fresh.answer()?.wire == UInt8(MPTCPIZE_WIRE_UNCONNECTED.rawValue))
        let listener = FakeKernel(options: [.mptcpInfo: mptcpInfo(flags: 0), .listening: .int(1)])
        #expect(listener.answer()?.wire == UInt8(MPTCPIZE_WIRE_LISTENING.rawValue))
    }

    @Test("fallen back: an MPTCP socket that answers TCP's options", arguments: [95, 92])
    func fallback(error: Int32) throws {
        let kernel = FakeKernel(options: [
            .mptcpInfo: .error(error), .protocol: .int(262), .windowClamp: .int(0),
            .tcpInfo: tcpInfo(state: Self.established, acknowledged: 1, segmentsIn: 3, sent: 70),
        ])
        let answer = try #require(kernel.answer())
        #expect(answer.wire == UInt8(MPTCPIZE_WIRE_FALLBACK.rawValue) && answer.protocol == 262)
        #expect(answer.subflows == 1 && answer.bytes_sent == 70)
    }

    @Test(
        "reset before any data, the kernel falls back whatever the peer speaks: unknown",
        arguments: [UInt64(0), 1])
    func earlyReset(acknowledged: UInt64) {
        func wire(_ info: FakeKernel.Answer) -> UInt8? {
            FakeKernel(options: [
                .mptcpInfo: .error(95), .protocol: .int(262), .windowClamp: .int(0), .tcpInfo: info,
            ]).answer()?.wire
        }
        let reset = tcpInfo(state: Self.closed, acknowledged: acknowledged, segmentsIn: 2)
        #expect(wire(reset) == UInt8(MPTCPIZE_WIRE_UNKNOWN.rawValue))
        // After data, or without its numbers, when both sides have ended: it had fallen back.
        for info in [
            tcpInfo(state: Self.closed, acknowledged: 1, received: 9, segmentsIn: 3),
            tcpInfo(state: Self.closed, acknowledged: 10, segmentsIn: 3),
            tcpInfo(state: Self.closed),
        ] {
            #expect(wire(info) == UInt8(MPTCPIZE_WIRE_FALLBACK.rawValue))
        }
    }

    @Test("Linux 5.15, without MPTCP_INFO: unknown, never a guess")
    func withoutInfo() throws {
        let kernel = FakeKernel(options: [
            .mptcpInfo: .error(95), .protocol: .int(262), .windowClamp: .error(95),
        ])
        #expect(kernel.answer()?.wire == UInt8(MPTCPIZE_WIRE_UNKNOWN.rawValue))
    }

    @Test(
        "TCP by its state",
        arguments: [
            (tcpInfo(state: established), MPTCPIZE_WIRE_TCP),
            (tcpInfo(state: closed), MPTCPIZE_WIRE_UNCONNECTED),
            (tcpInfo(state: synSent, segmentsIn: 0), MPTCPIZE_WIRE_UNCONNECTED),
            // A refusal is one segment; a handshake, even one that ended in a reset, is more.
            (tcpInfo(state: closed, segmentsIn: 1), MPTCPIZE_WIRE_UNCONNECTED),
            (tcpInfo(state: closed, acknowledged: 1, segmentsIn: 2), MPTCPIZE_WIRE_TCP),
            (tcpInfo(state: listen), MPTCPIZE_WIRE_LISTENING),
        ])
    fileprivate func tcp(info: FakeKernel.Answer, wire: mptcpize_wire) throws {
        let kernel = FakeKernel(options: [.protocol: .int(6), .tcpInfo: info])
        let answer = try #require(kernel.answer())
        #expect(answer.wire == UInt8(wire.rawValue) && answer.protocol == 6)
    }

    @Test("TCP's bytes are the program's: no SYN, no FIN, no retransmission, all that is queued")
    func tcpBytes() throws {
        let kernel = FakeKernel(options: [
            .protocol: .int(6),
            .tcpInfo: tcpInfo(
                state: Self.closeWait, acknowledged: 1001, received: 501, segmentsIn: 9,
                unsent: 24, sent: 1300, retransmitted: 300),
        ])
        let answer = try #require(kernel.answer())
        #expect(answer.bytes_sent == 1024 && answer.bytes_received == 500)
    }

    @Test("what is no TCP socket is not ours", arguments: [17, 0, 132])
    func others(number: Int32) {
        #expect(FakeKernel(options: [.protocol: .int(number)]).answer() == nil)
        #expect(FakeKernel(options: [.protocol: .error(ENOTSOCK)]).answer() == nil)
    }
}
