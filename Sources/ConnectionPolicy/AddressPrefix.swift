import Glibc
import LinuxSystem

/// An IPv4 or IPv6 prefix; IPv4-mapped ones are IPv4.
package struct AddressPrefix: Sendable, Equatable {
    /// Four or sixteen; those behind the length are 0.
    package let bytes: [UInt8]
    package let length: Int

    package var isIPv4: Bool { bytes.count == 4 }

    init(_ bytes: [UInt8], _ length: Int) {
        self.length = length
        self.bytes = bytes.enumerated().map { index, byte in
            let bits = min(max(length - 8 * index, 0), 8)
            return byte & UInt8(truncatingIfNeeded: 0xff00 >> bits)
        }
    }

    /// "ADDRESS" or "ADDRESS/LENGTH"; nil for anything else.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        // C's functions would stop at a NUL.
        guard parts.count <= 2, !text.utf8.contains(0), var bytes = Self.bytes(of: String(parts[0]))
        else { return nil }
        var length = bytes.count * 8
        if parts.count == 2 {
            // Int takes a sign.
            guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(parts[1]), number <= length
            else { return nil }
            length = number
        }
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
        if bytes.starts(with: mapped), bytes.count == 16, length >= 96 {
            bytes = Array(bytes[12...])
            length -= 96
        }
        self.init(bytes, length)
    }

    private static func bytes(of address: String) -> [UInt8]? {
        for (family, size) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: size)
            if inet_pton(family, address, &bytes) == 1 { return bytes }
        }
        return nil
    }

    /// The address as the canonical text has it: dotted, or eight groups in full.
    var address: String {
        if isIPv4 { return bytes.map { String($0) }.joined(separator: ".") }
        return stride(from: 0, to: 16, by: 2).map {
            String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16)
        }.joined(separator: ":")
    }

    package var text: String { "\(address)/\(length)" }
}

/// Addresses that have a name.
enum AddressClass: String, CaseIterable {
    case loopback
    case linkLocal = "link-local"
    case `private`

    /// RFC 1122 and 4291; RFC 3927 and 4291; RFC 1918 and 4193.
    var prefixes: [AddressPrefix] {
        switch self {
        case .loopback: ["127.0.0.0/8", "::1"].compactMap { AddressPrefix($0) }
        case .linkLocal: ["169.254.0.0/16", "fe80::/10"].compactMap { AddressPrefix($0) }
        case .private:
            ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]
                .compactMap { AddressPrefix($0) }
        }
    }
}
