import Glibc
import LinuxSystem
import SocketEvents
import SocketValues

/// One record of the ring, with everything in it checked: any process that was given
/// the ring's name can write anything.
package struct SocketEvent: Equatable, Sendable {
    /// enum mptcpize_event_kind; its comments say which fields are set.
    package enum Kind: UInt8, Sendable {
        case created = 1
        case listening, connecting, accepted, duplicated, closed, remedied, started, forked
        case inherited, execFailed, observed, forking, unreached, ruled
    }

    /// The protocol of a socket as it was created.
    package enum SocketType: String, Sendable { case mptcp, tcp }

    package enum CloseCause: UInt8, Sendable {
        case close = 1
        case replaced, exec, exit
    }

    package var kind: Kind
    package var pid: Int32
    /// -1 where no descriptor is meant, or where it is not known.
    package var fd: Int32
    /// FORKED: the parent's pid; DUPLICATED: the other descriptor.
    package var origin: Int32
    /// The socket's inode number; 0: not known.
    package var inode: UInt64
    package var family: AddressFamily
    package var socket: SocketType
    package var error: Errno?
    package var cause: CloseCause?
    package var answer: WireAnswer
    package var local: SocketAddress?
    package var remote: SocketAddress?
    package var remedy: Remedy?
    /// The number of the rule, from 0, that keeps the socket TCP; of CREATED and RULED.
    package var rule: Int?
    /// The sum of the text that has this rule, mptcpize_policy_sum().
    package var policySum: UInt16 = 0
    package var program: ProgramName
    /// UNREACHED: the program and why.
    package var unreached: UnreachedProgram?
    /// STARTED: a library that LD_PRELOAD names before ours.
    package var otherLibrary: Bytes?

    /// Nil for what no writer of ours puts: an unknown kind, a PID or descriptor that
    /// cannot be.
    ///
    /// - Parameter byKernel: whether the kernel wrote it, which does not always know the
    ///   descriptor.
    package init?(_ record: mptcpize_event, byKernel: Bool = false) {
        guard let kind = Kind(rawValue: record.kind), record.pid > 0, record.fd >= -1 else {
            return nil
        }
        switch kind {
        case .started, .execFailed, .forking: break
        case .unreached:
            guard UnreachedProgram.Reason(rawValue: record.cause) != nil else { return nil }
        case .forked: guard record.origin > 0, record.origin != record.pid else { return nil }
        case .duplicated: guard record.fd >= 0, record.origin >= 0 else { return nil }
        default: guard record.fd >= 0 || byKernel else { return nil }
        }
        self.kind = kind
        pid = record.pid
        fd = record.fd
        origin = record.origin
        inode = record.inode
        family = Int32(record.family) == AF_INET6 ? .inet6 : .inet
        socket = Int32(record.got) == Int32(IPPROTO_TCP) ? .tcp : .mptcp
        error = record.error == 0 ? nil : Errno(rawValue: Int32(record.error))
        cause = CloseCause(rawValue: record.cause)
        answer = WireAnswer(
            wire: Wire(code: record.wire), subflows: record.subflows,
            bytesSent: record.bytes_sent, bytesReceived: record.bytes_received)
        local = SocketAddress(record.local)
        remote = SocketAddress(record.remote)
        remedy =
            kind == .remedied
            ? Remedy(
                level: record.option_level, option: record.option_name,
                kind: Remedy.Kind(code: record.remedy), error: error) : nil
        policySum = record.policy
        rule = [.created, .ruled].contains(kind) && record.rule > 0 ? Int(record.rule) - 1 : nil
        if kind == .unreached || kind == .started {
            let name = Self.name(in: record)
            unreached = UnreachedProgram.Reason(rawValue: record.cause)
                .map { UnreachedProgram(path: name, reason: $0) }
            otherLibrary = kind == .started && !name.isEmpty ? name : nil
        }
        program = withUnsafeBytes(of: record.program) {
            ProgramName(
                low: $0.load(as: UInt64.self), high: $0.load(fromByteOffset: 8, as: UInt64.self))
        }
    }
}

/// A comm name, kept as its 16 bytes: one is compared or copied for every record,
/// and read for few.
package struct ProgramName: Equatable, Sendable {
    var low: UInt64
    var high: UInt64

    init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    package init(_ text: String) {
        var bytes: (UInt64, UInt64) = (0, 0)
        withUnsafeMutableBytes(of: &bytes) { $0.copyBytes(from: text.utf8.prefix(15)) }
        self.init(low: bytes.0, high: bytes.1)
    }

    /// Whether it says nothing of the program: "exe" (it was executed as /proc/self/exe) or a
    /// number (fexecve(3) before Linux 6.14).
    package var isOfDescriptor: Bool {
        if self == Self.exe { return true }
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return withUnsafeBytes(of: (low, high)) { bytes in
            digits.contains(bytes[0]) && bytes.prefix { $0 != 0 }.allSatisfy(digits.contains)
        }
    }

    private static let exe = ProgramName("exe")

    /// The name as text that a terminal does not obey.
    package var text: String {
        withUnsafeBytes(of: (low, high)) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self).printable
        }
    }
}

extension SocketEvent {
    /// What stands in the place of the addresses (MPTCPIZE_NAME).
    private static func name(in record: mptcpize_event) -> Bytes {
        let bytes =
            withUnsafeBytes(of: record.local) { Bytes($0) }
            + withUnsafeBytes(of: record.remote) { Bytes($0) }
        return Bytes(bytes.prefix { $0 != 0 })
    }
}
