import Glibc
import LinuxSystem
import Netlink

/// A kernel that answers from memory. As the real one, it gives its answers the sequence
/// number of the request.
package final class RecordedChannel: NetlinkChannel {
    private let answer: (_ request: [UInt8], _ number: Int) -> [[UInt8]]
    package private(set) var requests: [[UInt8]] = []
    private var waiting: [[UInt8]] = []

    /// - Parameter answer: the datagrams for a request, and how many came before it.
    package init(_ answer: @escaping (_ request: [UInt8], _ number: Int) -> [[UInt8]]) {
        self.answer = answer
    }

    package func send(_ message: [UInt8]) throws(Errno) {
        let sequence = message[8..<12]
        waiting = answer(message, requests.count).map { datagram in
            var datagram = datagram
            var start = 0
            while start + 16 <= datagram.count {
                datagram.replaceSubrange(start + 8..<start + 12, with: sequence)
                let length = Int(datagram[start]) | Int(datagram[start + 1]) << 8
                start += max((length + 3) & ~3, 16)
            }
            return datagram
        }
        requests.append(message)
    }

    package func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        guard !waiting.isEmpty else { throw Errno(rawValue: EAGAIN) }
        let datagram = waiting.removeFirst()
        guard datagram.count <= buffer.count else { throw Errno(rawValue: EMSGSIZE) }
        buffer.copyBytes(from: datagram)
        return datagram.count
    }
}

extension RecordedChannel {
    /// Answers as the machine of RecordedDumps: it has IPv4 sockets only.
    package static func ofRecordedDumps(
        mptcp: [UInt8] = RecordedDumps.mptcp, tcp: [UInt8] = RecordedDumps.tcp
    ) -> RecordedChannel {
        RecordedChannel { request, _ in
            guard request[16] == UInt8(AF_INET) else { return [Messages.done()] }
            let isTCP = request[17] == UInt8(IPPROTO_TCP)
            return [isTCP ? tcp : mptcp]
        }
    }
}

/// Messages made for one test.
package enum Messages {
    package static func message(type: UInt16, flags: UInt16 = 2, _ payload: [UInt8]) -> [UInt8] {
        let length = UInt32(16 + payload.count)
        let padding = [UInt8](repeating: 0, count: (4 - payload.count % 4) % 4)
        return bytes(length) + bytes(type) + bytes(flags) + bytes(UInt32(0)) + bytes(UInt32(0))
            + payload + padding
    }

    /// NLMSG_DONE, with an errno.
    package static func done(_ error: Int32 = 0, flags: UInt16 = 2) -> [UInt8] {
        message(type: 3, flags: flags, bytes(-error))
    }

    /// NLMSG_ERROR.
    package static func error(_ error: Int32) -> [UInt8] {
        message(type: 2, flags: 0, bytes(-error) + [UInt8](repeating: 0, count: 16))
    }

    package static func attribute(_ type: UInt16, _ value: [UInt8]) -> [UInt8] {
        let padding = [UInt8](repeating: 0, count: (4 - value.count % 4) % 4)
        return bytes(UInt16(4 + value.count)) + bytes(type) + value + padding
    }

    /// An established IPv4 socket of RecordedDumps, with attributes of one's own.
    package static func socket(flags: UInt16 = 2, _ attributes: [UInt8]...) -> [UInt8] {
        message(
            type: 20, flags: flags,
            RecordedDumps.mptcp[16..<16 + 72] + attributes.flatMap { $0 })
    }

    /// struct mptcp_info of RecordedDumps.
    package static let mptcpInfo: [UInt8] = {
        let start = RecordedDumps.mptcp.count - 20 - 96
        return Array(RecordedDumps.mptcp[start..<start + 96])
    }()

    /// A socket with structs, flags and attributes that are longer, or others, than any known:
    /// bit 23 of MPTCP's flags, bit 28 of the subflow's, attribute 99 of the one, 77 of the other.
    package static let socketOfNewerKernel: [UInt8] = {
        var info = Messages.mptcpInfo + [UInt8](repeating: 0xEE, count: 40)
        info[10] = 0x80  // bit 23 of the flags
        let subflow =
            Messages.attribute(2, Messages.bytes(UInt32(7)))
            + Messages.attribute(8, Messages.bytes(UInt32(0x1000_0083)))
            + Messages.attribute(77, [1])
        let upperLayer =
            Messages.attribute(1, Array("mptcp\0".utf8)) + Messages.attribute(3 | 0x8000, subflow)
        return Messages.socket(
            Messages.attribute(2, info), Messages.attribute(99, [1, 2, 3]),
            Messages.attribute(19 | 0x8000, upperLayer))
    }()

    package static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value) { Array($0) }
    }
}
