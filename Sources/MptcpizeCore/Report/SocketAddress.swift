import Glibc
import SocketEvents

/// An internet address and port.
public struct SocketAddress: Equatable, Sendable {
    /// Network order; an IPv4 address is in the first four.
    private let bytes: (UInt64, UInt64)
    private let scope: UInt32
    public let port: UInt16
    public let family: AddressFamily

    /// Nil for one that is not known.
    public init?(_ address: mptcpize_address) {
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

    public static func == (a: SocketAddress, b: SocketAddress) -> Bool {
        a.bytes == b.bytes && a.scope == b.scope && a.port == b.port && a.family == b.family
    }

    /// "192.0.2.1:443", "[2001:db8::1]:443", "[fe80::1%2]:443" (the scope as a number:
    /// interfaces of another namespace have no name here).
    public var text: String {
        if family == .inet { return "\(host):\(port)" }
        return scope == 0 ? "[\(host)]:\(port)" : "[\(host)%\(scope)]:\(port)"
    }

    /// "192.0.2.1", "2001:db8::1": without scope and port.
    public var host: String {
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
