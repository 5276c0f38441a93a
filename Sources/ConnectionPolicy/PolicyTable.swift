import Glibc
import LinuxSystem
import SocketPolicy

/// Rules as the preload library looks them up for one program, with the library's own reader.
package final class PolicyTable {
    private let table = UnsafeMutablePointer<mptcpize_policy>.allocate(capacity: 1)
    /// Whether the reader takes the text.
    package let isValid: Bool

    /// - Parameters:
    ///   - text: canonical.
    ///   - program: the file name of the program's image; nil: not known.
    package init(_ text: String, program: Bytes?) {
        let table = self.table
        isValid = mptcpize_policy_read(table, text, program?.cString)
    }

    deinit { table.deallocate() }

    /// What becomes of a connection to an address, or a listener on it.
    ///
    /// - Parameter address: of IPv4 or IPv6, in text.
    /// - Returns: nil for what is no address.
    package func ruling(
        _ direction: PolicyRule.Direction, _ address: String, port: UInt16
    ) -> PolicyRuling? {
        guard let bytes = Self.socketAddress(address, port) else { return nil }
        let index = mptcpize_direction(UInt32(direction.indices[0]))
        let answer = mptcpize_policy_decide(table, index, bytes, UInt32(bytes.count))
        return PolicyRuling(answer)
    }

    /// TCP where sockets are that from the beginning.
    package var forAll: PolicyRuling { PolicyRuling(mptcpize_policy_for_all(table)) }

    /// A struct sockaddr_in or sockaddr_in6.
    private static func socketAddress(_ text: String, _ port: UInt16) -> Bytes? {
        let isIPv6 = text.contains(":")
        let family = isIPv6 ? AF_INET6 : AF_INET
        var address = Bytes(repeating: 0, count: isIPv6 ? 16 : 4)
        guard inet_pton(family, text, &address) == 1 else { return nil }
        let start =
            withUnsafeBytes(of: sa_family_t(family), Array.init)
            + [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)]
        let gap = Bytes(repeating: 0, count: 4)
        return isIPv6 ? start + gap + address + gap : start + address + gap + gap
    }
}

/// What a policy says of one connection or listener.
package struct PolicyRuling: Sendable, Equatable {
    package let isTCP: Bool
    /// The number of the rule, from 0; nil: none matches.
    package let rule: Int?

    init(_ ruling: mptcpize_ruling) {
        isTCP = ruling.tcp
        rule = ruling.rule < 0 ? nil : Int(ruling.rule)
    }
}
