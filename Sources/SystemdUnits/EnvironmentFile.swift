/// The format of files that `EnvironmentFile=` names: parse_env_file() of systemd's
/// src/basic/env-file.c. Like a shell's assignments, without any expansion.
package enum EnvironmentFile {
    /// The assignments in their order; a later one of the same name wins.
    package static func parse(_ text: String) -> [(name: String, value: String)] {
        var reader = Reader(bytes: Array(text.utf8))
        var result: [(name: String, value: String)] = []
        while let assignment = reader.next() { result.append(assignment) }
        return result
    }

    /// A line that `parse` reads back as this assignment.
    package static func line(_ name: String, _ value: String) -> String {
        var quoted = ""
        for character in value.unicodeScalars {
            if "\"\\`$".unicodeScalars.contains(character) { quoted += "\\" }
            quoted.unicodeScalars.append(character)
        }
        return "\(name)=\"\(quoted)\"\n"
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        private static let newlines: Set<UInt8> = [0x0A, 0x0D]
        private static let blanks: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]

        private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

        mutating func next() -> (name: String, value: String)? {
            while let byte = current {
                if Self.blanks.contains(byte) {
                    position += 1
                } else if byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";") {
                    skipComment()
                } else if let name = key() {
                    return (name, value())
                }
            }
            return nil
        }

        /// Up to and with the end of line; a backslash takes the next character along.
        private mutating func skipComment() {
            while let byte = current, !Self.newlines.contains(byte) {
                position += byte == UInt8(ascii: "\\") ? 2 : 1
            }
        }

        /// The name before "="; nil for a line that assigns nothing.
        private mutating func key() -> String? {
            var name: [UInt8] = []
            while let byte = current {
                position += 1
                if byte == UInt8(ascii: "=") {
                    return String(String(decoding: name, as: UTF8.self).trimmed)
                }
                if Self.newlines.contains(byte) { return nil }
                name.append(byte)
            }
            return nil
        }

        private mutating func value() -> String {
            var result: [UInt8] = []
            // Quotes are quotes before any bare text only, where white space means nothing.
            var isBare = false
            // Without the white space that bare text ends with.
            var kept = 0
            while let byte = current, !Self.newlines.contains(byte) {
                position += 1
                switch byte {
                case UInt8(ascii: "'") where !isBare: result += single()
                case UInt8(ascii: "\"") where !isBare: result += double()
                case UInt8(ascii: "\\"):
                    isBare = true
                    guard let next = current else { break }
                    position += 1
                    if !Self.newlines.contains(next) { result.append(next) }
                case 0x20, 0x09:
                    if isBare { result.append(byte) }
                    continue
                default:
                    isBare = true
                    result.append(byte)
                }
                kept = result.count
            }
            return String(decoding: result.prefix(kept), as: UTF8.self)
        }

        private mutating func single() -> [UInt8] {
            var result: [UInt8] = []
            while let byte = current {
                position += 1
                if byte == UInt8(ascii: "'") { break }
                result.append(byte)
            }
            return result
        }

        private mutating func double() -> [UInt8] {
            var result: [UInt8] = []
            while let byte = current {
                position += 1
                if byte == UInt8(ascii: "\"") { break }
                guard byte == UInt8(ascii: "\\"), let next = current else {
                    result.append(byte)
                    continue
                }
                position += 1
                if "\"\\`$".utf8.contains(next) {
                    result.append(next)
                } else if next != 0x0A {
                    result += [byte, next]
                }
            }
            return result
        }
    }
}
