import CLinux
import Glibc
import LinuxSystem
import SocketInspection
import SocketValues

/// A connection to `CheckServer`.
final class CheckClient {
    private enum Kind: Equatable {
        case unknown
        case data
        case control
    }

    let peer: SocketAddress
    private let descriptor: Descriptor
    private var kind = Kind.unknown
    private var line: [UInt8] = []
    private var toSend: [UInt8]
    private(set) var isOver = false
    private let began = ContinuousClock.now
    private let before = MPTCPCounters()
    private var questions = 0

    /// Of one for data.
    private var name = ""
    private var received = 0
    /// Of one with questions: the connections that were asked about, and what they are.
    private var asked: [(about: CheckClient, wire: Wire)] = []

    private static let longest = Duration.seconds(120)
    private static let mostQuestions = 64
    private static let mostToSend = 1 << 16

    init(_ descriptor: consuming Descriptor, peer: SocketAddress) {
        self.descriptor = descriptor
        self.peer = peer
        toSend = Array(CheckProtocol.greeting.utf8)
    }

    var number: Int32 { descriptor.number }

    var waitsFor: Int16 {
        // What is not taken from it is not read from it either.
        Int16(toSend.isEmpty ? POLLIN : toSend.count < Self.mostToSend ? POLLIN | POLLOUT : POLLOUT)
    }

    /// Reads and writes what can be, without waiting.
    func act(among clients: [CheckClient]) {
        if toSend.count < Self.mostToSend { read(among: clients) }
        if !toSend.isEmpty {
            let sent = toSend.withUnsafeBytes {
                send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if sent > 0 {
                toSend.removeFirst(sent)
            } else if errno != EAGAIN {
                isOver = true
            }
        }
        if ContinuousClock.now - began > Self.longest { isOver = true }
    }

    private func read(among clients: [CheckClient]) {
        var buffer = [UInt8](repeating: 0, count: 16384)
        let count = recv(number, &buffer, buffer.count, 0)
        guard count > 0 else {
            if count == 0 || errno != EAGAIN { isOver = true }
            return
        }
        var bytes = buffer[..<count]
        while kind != .data, let byte = bytes.popFirst(), !isOver {
            if byte == UInt8(ascii: "\n") {
                let text = String(decoding: line, as: UTF8.self)
                line.removeAll()
                obey(text.split(whereSeparator: \.isWhitespace).map(String.init), clients)
            } else {
                line.append(byte)
                if line.count > CheckProtocol.longestLine { isOver = true }
            }
        }
        guard kind == .data else { return }
        received += bytes.count
        toSend += bytes
        if received > CheckProtocol.mostData { isOver = true }
    }

    private func obey(_ words: [String], _ clients: [CheckClient]) {
        switch (kind, words.first, words.count) {
        // The empty line that any server is sent.
        case (.unknown, nil, _): break
        case (.unknown, "data", 2) where Self.isName(words[1]):
            kind = .data
            name = words[1]
        case (.unknown, "control", 1): kind = .control
        case (.control, "saw", 2), (.control, "keep", 4):
            questions += 1
            if questions > Self.mostQuestions { isOver = true }
            let about = clients.first { $0.kind == .data && $0.name == words[1] }
            toSend += Array(((words[0] == "saw" ? saw(about) : keep(about, words)) + "\n").utf8)
        default: isOver = true
        }
    }

    private static func isName(_ word: String) -> Bool {
        word.utf8.count == 16 && UInt64(word, radix: 16) != nil
    }

    /// The kernel's counts since this one came, which is before what it asks about: a kernel has
    /// answered joins before the connection is accepted.
    private func saw(_ about: CheckClient?) -> String {
        let counters = MPTCPCounters()
        let counts = CheckProtocol.counters.map { "\(counters[$0] - before[$0])" }
        guard let about else { return "saw nothing 0 \(counts.joined(separator: " "))" }
        let wire = CheckProtocol.wire(of: about.number)
        asked.removeAll { $0.about === about }
        asked.append((about, wire))
        return "saw \(wire.rawValue) \(about.received) \(counts.joined(separator: " "))"
    }

    /// The asker's identifiers are the other way round here.
    private func keep(_ about: CheckClient?, _ words: [String]) -> String {
        guard let about, let remote = UInt8(words[2]), let local = UInt8(words[3]) else {
            return "refused \(ENOENT)"
        }
        if !asked.contains(where: { $0.about === about }) {
            asked.append((about, CheckProtocol.wire(of: about.number)))
        }
        do throws(Errno) {
            return "kept \(try CheckProtocol.keep(about.number, local: local, remote: remote))"
        } catch {
            return "refused \(error.rawValue)"
        }
    }

    /// What was seen in a check that has ended; nil for other connections.
    var report: CheckReport? {
        guard kind == .control else { return nil }
        func counted(_ number: Int, _ noun: String) -> String {
            "\(number) \(noun)\(number == 1 ? "" : "s")"
        }
        let bytes = asked.reduce(0) { $0 + $1.about.received }
        let arrived =
            "\(counted(asked.count, "connection")) for data, \(counted(bytes, "byte")) arrived"
        if asked.allSatisfy({ $0.wire == .mptcp }) {
            return CheckReport([Finding(.ok, peer.host, "\(arrived), all over MPTCP")])
        }
        let capable = MPTCPCounters()[CheckProtocol.capable] > before[CheckProtocol.capable]
        return CheckReport([
            Finding(
                .problem, peer.host,
                "\(arrived), not all over MPTCP: "
                    + (capable
                        ? "the SYN came with MP_CAPABLE, which later packets lost"
                        : "the SYN came without MP_CAPABLE"),
                next: "the other end shows the direction")
        ])
    }
}
