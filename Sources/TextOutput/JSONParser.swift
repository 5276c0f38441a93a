/// Reads JSON (RFC 8259) that others wrote: whatever the bytes are, the answer is a value or nil.
extension JSONValue {
    /// Documents that are nested deeper are refused: reading them takes as much stack.
    private static let deepest = 64

    /// - Returns: nil for what is no JSON document. Numbers that are no 64-bit integers are kept
    ///   as they are written; what is no UTF-8 in a string becomes U+FFFD.
    package init?(parsing bytes: [UInt8]) {
        var reader = Reader(bytes: bytes)
        guard let value = reader.value(depth: 0), reader.isAtEnd else { return nil }
        self = value
    }

    /// A member of an object; of several with this name the last, as others read it. Nil for
    /// what is no object, or has no such member.
    public subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    /// The text of a string.
    package var string: String? { if case .string(let text) = self { text } else { nil } }

    /// The number of an integer.
    package var integer: Int64? { if case .integer(let number) = self { number } else { nil } }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        /// Whether nothing but white space is left.
        var isAtEnd: Bool {
            mutating get {
                skipBlanks()
                return position == bytes.count
            }
        }

        private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

        private mutating func skipBlanks() {
            while let byte = current, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
        }

        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            skipBlanks()
            guard current == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        mutating func value(depth: Int) -> JSONValue? {
            skipBlanks()
            guard let byte = current, depth < JSONValue.deepest else { return nil }
            switch byte {
            case UInt8(ascii: "{"): return object(depth)
            case UInt8(ascii: "["): return array(depth)
            case UInt8(ascii: "\""): return string().map { .string($0) }
            case UInt8(ascii: "t"): return word("true", .bool(true))
            case UInt8(ascii: "f"): return word("false", .bool(false))
            case UInt8(ascii: "n"): return word("null", .null)
            default: return number()
            }
        }

        private mutating func word(_ text: String, _ value: JSONValue) -> JSONValue? {
            guard bytes[position...].starts(with: text.utf8) else { return nil }
            position += text.utf8.count
            return value
        }

        private mutating func object(_ depth: Int) -> JSONValue? {
            position += 1
            var members: [Member] = []
            if take("}") { return .object([]) }
            repeat {
                skipBlanks()
                guard current == UInt8(ascii: "\""), let name = string(), take(":"),
                    let value = value(depth: depth + 1)
                else { return nil }
                members.append(Member(name: name, value: value))
            } while take(",")
            return take("}") ? .object(members) : nil
        }

        private mutating func array(_ depth: Int) -> JSONValue? {
            position += 1
            var elements: [JSONValue] = []
            if take("]") { return .array([]) }
            repeat {
                guard let value = value(depth: depth + 1) else { return nil }
                elements.append(value)
            } while take(",")
            return take("]") ? .array(elements) : nil
        }

        private mutating func number() -> JSONValue? {
            let start = position
            while let byte = current, "+-.0123456789eE".utf8.contains(byte) { position += 1 }
            let text = bytes[start..<position]
            guard let last = text.last, UInt8(ascii: "0")...UInt8(ascii: "9") ~= last,
                text.first != UInt8(ascii: "+")
            else { return nil }
            return Int64(String(decoding: text, as: UTF8.self)).map { .integer($0) }
                ?? .written(Array(text))
        }

        /// From the opening quote to behind the closing one.
        private mutating func string() -> String? {
            position += 1
            var result: [UInt8] = []
            while let byte = current {
                position += 1
                switch byte {
                case UInt8(ascii: "\""): return String(decoding: result, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let escaped = escape() else { return nil }
                    result += escaped
                case 0..<0x20: return nil
                default: result.append(byte)
                }
            }
            return nil
        }

        private mutating func escape() -> [UInt8]? {
            guard let byte = current else { return nil }
            position += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
            case UInt8(ascii: "b"): return [0x08]
            case UInt8(ascii: "f"): return [0x0C]
            case UInt8(ascii: "n"): return [0x0A]
            case UInt8(ascii: "r"): return [0x0D]
            case UInt8(ascii: "t"): return [0x09]
            case UInt8(ascii: "u"): return unicode()
            default: return nil
            }
        }

        /// \uXXXX; of a pair of surrogates both. One that stands alone becomes U+FFFD.
        private mutating func unicode() -> [UInt8]? {
            guard let first = hexadecimal() else { return nil }
            var units = [first]
            if UTF16.isLeadSurrogate(first), bytes[position...].starts(with: #"\u"#.utf8) {
                position += 2
                guard let second = hexadecimal() else { return nil }
                units.append(second)
            }
            return Array(String(decoding: units, as: UTF16.self).utf8)
        }

        private mutating func hexadecimal() -> UInt16? {
            guard position + 4 <= bytes.count else { return nil }
            let digits = bytes[position..<position + 4]
            position += 4
            guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 })
            else { return nil }
            return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        }
    }
}
