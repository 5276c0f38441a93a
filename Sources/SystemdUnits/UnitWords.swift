import LinuxSystem

/// systemd's quoting of several words in one setting: extract_first_word() of
/// systemd's src/basic/extract-word.c with EXTRACT_UNQUOTE and EXTRACT_CUNESCAPE.
package enum UnitWords {
    /// Splits a setting's value into its words, quotes and escapes resolved. They may be no UTF-8
    /// any more.
    ///
    /// What systemd finds no sense in (an unknown escape, a quote left open) ends the
    /// list, as it does there: the words before it count.
    package static func split(setting value: String) -> [Bytes] {
        words(Reader(bytes: Bytes(value.utf8), extraEscapes: []))
    }

    /// Splits what systemctl shows of a list (shell_maybe_quote() of src/basic/escape.c): it
    /// escapes what a shell would expand, too.
    package static func split(_ shown: some StringProtocol) -> [String] {
        words(Reader(bytes: Bytes(shown.utf8), extraEscapes: Bytes("$`".utf8))).map(\.text)
    }

    private static func words(_ start: Reader) -> [Bytes] {
        var reader = start
        var words: [Bytes] = []
        while let word = reader.next() { words.append(word) }
        return words
    }

    /// One word in double quotes, as `split` reads it back.
    package static func quote(_ word: String) -> String {
        var result: [UInt8] = []
        for byte in word.utf8 {
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): result += [UInt8(ascii: "\\"), byte]
            case 0x0A: result += Array(#"\n"#.utf8)
            case 0x09: result += Array(#"\t"#.utf8)
            case 0x00..<0x20, 0x7F:
                let digits = String(byte, radix: 16)
                result += Array((#"\x"# + (digits.utf8.count < 2 ? "0" : "") + digits).utf8)
            default: result.append(byte)
            }
        }
        return "\"" + String(decoding: result, as: UTF8.self) + "\""
    }

    private struct Reader {
        let bytes: Bytes
        /// What may stand behind a backslash for itself, besides the backslash and quotes.
        let extraEscapes: Bytes
        var position = 0

        /// The next word; nil at the end, or where the rest makes no sense.
        mutating func next() -> [UInt8]? {
            while position < bytes.count, SystemdText.isBlank(bytes[position]) { position += 1 }
            guard position < bytes.count else { return nil }
            var word: [UInt8] = []
            var quote: UInt8?
            while position < bytes.count {
                let byte = bytes[position]
                position += 1
                if byte == UInt8(ascii: "\\") {
                    guard let resolved = escape() else { return nil }
                    word += resolved
                } else if byte == quote {
                    quote = nil
                } else if quote == nil, byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                    quote = byte
                } else if quote == nil, SystemdText.isBlank(byte) {
                    return word
                } else {
                    word.append(byte)
                }
            }
            return quote == nil ? word : nil
        }

        /// What stands after a backslash: cunescape_one() of src/basic/escape.c.
        private mutating func escape() -> [UInt8]? {
            guard position < bytes.count else { return nil }
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "a"): return [0x07]
            case UInt8(ascii: "b"): return [0x08]
            case UInt8(ascii: "f"): return [0x0C]
            case UInt8(ascii: "n"): return [0x0A]
            case UInt8(ascii: "r"): return [0x0D]
            case UInt8(ascii: "t"): return [0x09]
            case UInt8(ascii: "v"): return [0x0B]
            case UInt8(ascii: "s"): return [0x20]
            case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): return [byte]
            case UInt8(ascii: "x"): return number(digits: 2, radix: 16).map { [UInt8($0)] }
            case UInt8(ascii: "u"): return number(digits: 4, radix: 16).map(encoded)
            case UInt8(ascii: "U"):
                return number(digits: 8, radix: 16).map(encoded).flatMap {
                    SystemdText.isValidUTF8($0) ? $0 : nil
                }
            case UInt8(ascii: "0")...UInt8(ascii: "7"):
                position -= 1
                return number(digits: 3, radix: 8).flatMap { $0 < 256 ? [UInt8($0)] : nil }
            default: return extraEscapes.contains(byte) ? [byte] : nil
            }
        }

        private mutating func number(digits: Int, radix: Int) -> UInt32? {
            guard position + digits <= bytes.count else { return nil }
            let digitBytes = bytes[position..<position + digits]
            // Not the sign that UInt32 would take.
            guard digitBytes.allSatisfy({ $0 != UInt8(ascii: "+") }),
                let value = UInt32(String(decoding: digitBytes, as: UTF8.self), radix: radix),
                value > 0
            else { return nil }
            position += digits
            return value
        }

        /// utf8_encode_unichar() of src/basic/utf8.c, which does not mind surrogates; what is no
        /// character at all becomes a byte that is no UTF-8.
        private func encoded(_ value: UInt32) -> Bytes {
            if let scalar = Unicode.Scalar(value) { return Bytes(String(Character(scalar)).utf8) }
            guard value < 0x10000 else { return [0xFF] }
            return [
                0xE0 | UInt8(value >> 12), 0x80 | UInt8(value >> 6 & 0x3F),
                0x80 | UInt8(value & 0x3F),
            ]
        }
    }
}
