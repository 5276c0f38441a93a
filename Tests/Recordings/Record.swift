import Foundation
import SocketEvents

/// Records as the writers put them.
package enum Record {
    package static func record(
        _ kind: mptcpize_event_kind, _ pid: Int32, fd: Int32 = -1, inode: UInt64 = 0,
        program: String = "prog"
    ) -> mptcpize_event {
        var record = mptcpize_event()
        record.kind = UInt8(kind.rawValue)
        record.pid = pid
        record.fd = fd
        record.inode = inode
        record.family = UInt8(AF_INET)
        record.got = 262
        record.bytes_sent = .max
        record.bytes_received = .max
        withUnsafeMutableBytes(of: &record.program) { $0.copyBytes(from: program.utf8.prefix(15)) }
        return record
    }

    package static func created(
        _ pid: Int32, _ fd: Int32, _ inode: UInt64, refused: Int32 = 0, family: Int32 = AF_INET,
        program: String = "prog"
    ) -> mptcpize_event {
        var record = record(MPTCPIZE_CREATED, pid, fd: fd, inode: inode, program: program)
        record.family = UInt8(family)
        record.got = refused == 0 ? 262 : 6
        record.error = UInt16(refused)
        return record
    }

    /// A rule says TCP of a socket, which is another one from then on; or is not, too late.
    package static func ruled(
        _ pid: Int32, _ fd: Int32, _ inode: UInt64, rule: Int, protocol number: UInt16 = 6
    ) -> mptcpize_event {
        var record = record(MPTCPIZE_RULED, pid, fd: fd, inode: inode)
        record.got = number
        record.rule = UInt16(rule + 1)
        return record
    }

    package static func accepted(
        _ pid: Int32, _ fd: Int32, _ inode: UInt64, protocol number: UInt16 = 262,
        local: String, remote: String, program: String = "prog"
    ) -> mptcpize_event {
        var record = record(MPTCPIZE_ACCEPTED, pid, fd: fd, inode: inode, program: program)
        record.got = number
        record.local = address(local)
        record.remote = address(remote)
        record.family = record.local.family
        return record
    }

    package static func connecting(
        _ pid: Int32, _ fd: Int32, _ inode: UInt64, local: String, remote: String,
        error: Int32 = 0
    ) -> mptcpize_event {
        var record = record(MPTCPIZE_CONNECTING, pid, fd: fd, inode: inode)
        record.error = UInt16(error)
        record.local = address(local)
        record.remote = address(remote)
        return record
    }

    package static func listening(
        _ pid: Int32, _ fd: Int32, _ inode: UInt64, local: String, protocol number: UInt16 = 262
    ) -> mptcpize_event {
        var record = record(MPTCPIZE_LISTENING, pid, fd: fd, inode: inode)
        record.local = address(local)
        record.got = number
        return record
    }

    package static func closed(
        _ pid: Int32, _ fd: Int32, _ inode: UInt64, _ wire: mptcpize_wire,
        _ cause: mptcpize_close_cause = MPTCPIZE_CAUSE_CLOSE, subflows: UInt32 = 0,
        sent: UInt64 = .max, received: UInt64 = .max
    ) -> mptcpize_event {
        var record = record(MPTCPIZE_CLOSED, pid, fd: fd, inode: inode)
        record.wire = UInt8(wire.rawValue)
        record.cause = UInt8(cause.rawValue)
        record.subflows = subflows
        record.bytes_sent = sent
        record.bytes_received = received
        return record
    }

    package static func observed(
        _ pid: Int32, _ fd: Int32, _ inode: UInt64, _ wire: mptcpize_wire, subflows: UInt32,
        sent: UInt64 = .max
    ) -> mptcpize_event {
        var record = closed(pid, fd, inode, wire, subflows: subflows, sent: sent)
        record.kind = UInt8(MPTCPIZE_OBSERVED.rawValue)
        return record
    }

    package static func duplicated(
        _ pid: Int32, _ fd: Int32, _ inode: UInt64, from origin: Int32
    ) -> mptcpize_event {
        var record = record(MPTCPIZE_DUPLICATED, pid, fd: fd, inode: inode)
        record.origin = origin
        return record
    }

    package static func inherited(_ pid: Int32, _ fd: Int32, _ inode: UInt64) -> mptcpize_event {
        record(MPTCPIZE_INHERITED, pid, fd: fd, inode: inode)
    }

    package static func started(_ pid: Int32) -> mptcpize_event { record(MPTCPIZE_STARTED, pid) }

    package static func execFailed(_ pid: Int32) -> mptcpize_event {
        record(MPTCPIZE_EXEC_FAILED, pid)
    }

    package static func forking(_ pid: Int32) -> mptcpize_event { record(MPTCPIZE_FORKING, pid) }

    package static func forked(_ pid: Int32, from parent: Int32) -> mptcpize_event {
        var record = record(MPTCPIZE_FORKED, pid)
        record.origin = parent
        return record
    }

    package static func remedied(
        _ pid: Int32, _ fd: Int32, _ inode: UInt64, option: UInt32, remedy: UInt16, error: Int32
    ) -> mptcpize_event {
        var record = record(MPTCPIZE_REMEDIED, pid, fd: fd, inode: inode)
        record.option_level = 6
        record.option_name = option
        record.remedy = remedy
        record.error = UInt16(error)
        return record
    }

    /// "192.0.2.1:80" or "[2001:db8::1]:80".
    package static func address(_ text: String) -> mptcpize_address {
        var address = mptcpize_address()
        let colon = text.lastIndex(of: ":")!
        let host = text[..<colon].trimmingCharacters(in: ["[", "]"])
        address.port = UInt16(text[text.index(after: colon)...])!
        address.family = UInt8(text.hasPrefix("[") ? AF_INET6 : AF_INET)
        let converted = withUnsafeMutableBytes(of: &address.bytes) {
            inet_pton(text.hasPrefix("[") ? AF_INET6 : AF_INET, host, $0.baseAddress!)
        }
        precondition(converted == 1, text)
        return address
    }
}
