import CLinux
import Glibc
import LinuxSystem

/// A connection of `check --probe` to a `check --serve`.
struct CheckConnection: ~Copyable {
    private let descriptor: Descriptor

    private static let milliseconds: Int32 = 5000

    /// Connects, and takes the greeting.
    ///
    /// - Parameter isMPTCP: plain TCP gets through where MPTCP does not.
    /// - Throws: EPROTO where another server answers.
    static func to(
        _ address: HostPort.Address, isMPTCP: Bool
    ) throws(Errno) -> CheckConnection {
        let made = CheckConnection(descriptor: try socket(address.family, isMPTCP: isMPTCP))
        let number = made.number
        if address.with({ connect(number, $0, $1) }) != 0, errno != EINPROGRESS {
            throw Errno.last
        }
        guard made.waits(POLLOUT, milliseconds) else { throw Errno(rawValue: ETIMEDOUT) }
        guard let line = made.line(), line + "\n" == CheckProtocol.greeting else {
            throw Errno(rawValue: EPROTO)
        }
        return made
    }

    private static func socket(_ family: Int32, isMPTCP: Bool) throws(Errno) -> Descriptor {
        let nonblocking = Int32(SOCK_NONBLOCK.rawValue)
        if isMPTCP { return try MPTCPTrial.socket(family, flags: nonblocking) }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue) | nonblocking
        return Descriptor(owning: try retrying { Glibc.socket(family, type, 0) })
    }

    var number: Int32 { descriptor.number }

    private func waits(_ events: Int32, _ milliseconds: Int32) -> Bool {
        var poller = pollfd(fd: number, events: Int16(events), revents: 0)
        return poll(&poller, 1, milliseconds) > 0
    }

    /// One line that comes; nil where none does.
    private func line() -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while bytes.count < CheckProtocol.longestLine, waits(POLLIN, Self.milliseconds) {
            guard recv(number, &byte, 1, 0) == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
        return nil
    }

    func say(_ line: String) throws(Errno) {
        let bytes = Array((line + "\n").utf8)
        let number = number
        let sent = try retrying { send(number, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
        guard sent == bytes.count else { throw Errno(rawValue: EPIPE) }
    }

    /// The words of the answer; nil where none comes.
    func ask(_ question: String) throws(Errno) -> [String]? {
        try say(question)
        return line()?.split(separator: " ").map(String.init)
    }

    /// What the other end saw of a connection.
    struct Answer {
        let wire: String
        let received: Int
        /// As `CheckProtocol.counters` names them.
        let joins: UInt64
        let joinsEnded: UInt64
        let capable: UInt64
        let fallbacks: UInt64
    }

    /// - Throws: EPROTO for nonsense.
    func saw(_ name: String) throws(Errno) -> Answer {
        let words = try ask("saw \(name)") ?? []
        let counts = words.dropFirst(3).compactMap { UInt64($0) }
        guard words.count == 3 + CheckProtocol.counters.count, words[0] == "saw",
            counts.count == CheckProtocol.counters.count, let received = Int(words[2])
        else { throw Errno(rawValue: EPROTO) }
        return Answer(
            wire: words[1], received: received, joins: counts[0], joinsEnded: counts[1],
            capable: counts[2], fallbacks: counts[3])
    }

    /// Sends bytes and takes what comes back.
    ///
    /// - Returns: how many came back within the time.
    func exchange(_ count: Int, within time: Duration) -> Int {
        let start = ContinuousClock.now
        let bytes = [UInt8](repeating: UInt8(ascii: "x"), count: count)
        var buffer = [UInt8](repeating: 0, count: 16384)
        var (sent, received) = (0, 0)
        while received < count, ContinuousClock.now - start < time {
            guard waits(sent < count ? POLLIN | POLLOUT : POLLIN, 100) else { continue }
            if sent < count {
                let more = bytes[sent...].withUnsafeBytes {
                    send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if more < 0, errno != EAGAIN { break }
                sent += max(0, more)
            }
            let more = recv(number, &buffer, min(buffer.count, count - received), 0)
            if more == 0 || (more < 0 && errno != EAGAIN) { break }
            received += max(0, more)
        }
        return received
    }
}
