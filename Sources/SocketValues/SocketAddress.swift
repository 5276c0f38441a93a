import Glibc
import SocketEvents

/// An internet address and port.
package struct SocketAddress: Equatable, Sendable {
    /// Network order; an IPv4 address is in the first four.
    private let bytes: (UInt64, UInt64)
    private let scope: UInt32
    package let port: UInt16
    package let family: AddressFamily

    /// Nil for one that is not known.
    package init?(_ address: mptcpize_address) {
        switch Int32(address.family) {
        case AF_INET: family = .inet
        case AF_INET6: family = .inet6
        default: return nil
        }
        bytes = withUnsafeBytes(of: address.bytes) {
            (
                $0.loadUnaligned(as: UInt64.self),
                $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            )
        }
        scope = address.scope
        port = address.port
    }

    package static func == (a: SocketAddress, b: SocketAddress) -> Bool {
        a.bytes == b.bytes && a.scope == b.scope && a.port == b.port && a.family == b.family
    }

    /// "192.0.2.1:443", "[2001:db8::1]:443", "[fe80::1%2]:443" (the scope as a number:
    /// interfaces of another namespace have no name here).
    package var text: String {
        if family == .inet { return "\(host):\(port)" }
        return scope == 0 ? "[\(host)]:\(port)" : "[\(host)%\(scope)]:\(port)"
    }

    /// "192.0.2.1", "2001:db8::1": without scope and port.
    package var host: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            let converted = withUnsafeBytes(of: bytes) {
                inet_ntop(
                    family == .inet ? AF_INET : AF_INET6, $0.baseAddress, buffer.baseAddress!,
                    socklen_t(buffer.count))
            }
            return converted.map { String(cString: $0) } ?? "?"
        }
    }
}

extension SocketAddress {
    /// An address of getaddrinfo, getifaddrs, getsockname; nil for other families.
    package init?(_ address: UnsafePointer<sockaddr>) {
        var result = mptcpize_address()
        result.family = UInt8(truncatingIfNeeded: address.pointee.sa_family)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
                result.port = UInt16(bigEndian: pointer.pointee.sin_port)
                withUnsafeMutableBytes(of: &result.bytes) { bytes in
                    withUnsafeBytes(of: pointer.pointee.sin_addr) { bytes.copyMemory(from: $0) }
                }
            }
        case AF_INET6:
            address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                result.port = UInt16(bigEndian: pointer.pointee.sin6_port)
                result.scope = pointer.pointee.sin6_scope_id
                withUnsafeMutableBytes(of: &result.bytes) { bytes in
                    withUnsafeBytes(of: pointer.pointee.sin6_addr) { bytes.copyMemory(from: $0) }
                }
            }
        default: return nil
        }
        self.init(result)
    }

    /// A numeric address ("192.0.2.1", "2001:db8::1"), of port 0.
    package init?(numeric text: String) {
        var result = mptcpize_address()
        let isIPv6 = text.contains(":")
        result.family = UInt8(isIPv6 ? AF_INET6 : AF_INET)
        let isAddress = withUnsafeMutableBytes(of: &result.bytes) {
            inet_pton(isIPv6 ? AF_INET6 : AF_INET, text, $0.baseAddress) == 1
        }
        guard isAddress else { return nil }
        self.init(result)
    }

    /// The address in network order, without the port.
    package var networkBytes: [UInt8] {
        withUnsafeBytes(of: bytes) { Array($0.prefix(family == .inet ? 4 : 16)) }
    }

    /// Valid on the link it is on only: 169.254/16, fe80::/10.
    package var isLinkLocal: Bool {
        let bytes = networkBytes
        return family == .inet
            ? bytes[0] == 169 && bytes[1] == 254 : bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80
    }
}
