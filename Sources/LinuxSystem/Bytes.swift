import Glibc

/// A path, an argument or a variable: bytes without a NUL, in no known encoding.
package typealias Bytes = [UInt8]

/// A number in hexadecimal, with all digits of its type.
package func allHexDigits(_ number: some FixedWidthInteger & UnsignedInteger) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: number.bitWidth / 4 - digits.utf8.count) + digits
}

extension Array where Element == UInt8 {
    /// For messages: invalid UTF-8 shows as U+FFFD.
    package var text: String { String(decoding: self, as: UTF8.self) }

    /// For system calls.
    package var cString: [CChar] {
        var result = [CChar]()
        result.reserveCapacity(count + 1)
        for byte in self { result.append(CChar(bitPattern: byte)) }
        result.append(0)
        return result
    }

    /// The bytes before the NUL of a C string.
    package init(cString: UnsafePointer<CChar>) {
        let length = strlen(cString)
        self = cString.withMemoryRebound(to: UInt8.self, capacity: length) {
            Array(UnsafeBufferPointer(start: $0, count: length))
        }
    }

    /// What follows the last slash.
    package var lastPathComponent: Bytes {
        guard let slash = lastIndex(of: UInt8(ascii: "/")) else { return self }
        return Bytes(self[(slash + 1)...])
    }

    /// What comes before the last slash; "/" for a file in the root, nil without any slash.
    package var directory: Bytes? {
        guard let slash = lastIndex(of: UInt8(ascii: "/")) else { return nil }
        return slash == 0 ? Bytes("/".utf8) : Bytes(self[..<slash])
    }
}
