/// How a release of systemd reads its files, where releases differ. Whoever asks what an
/// administrator has set asks all of them: the next release reads the same files.
package struct SystemdReading: Sendable, Equatable {
    /// A quote, a backslash or a control character in a section's name ends the file (since 251);
    /// before, it was one more section that nobody knows.
    package let refusesOddSections: Bool
    /// In an environment file, a backslash at the end of a comment takes the next line along
    /// (before 254).
    package let continuesComments: Bool

    /// All there are, the oldest first.
    package static let all = [
        SystemdReading(refusesOddSections: false, continuesComments: true),
        SystemdReading(refusesOddSections: true, continuesComments: true),
        latest,
    ]
    package static let latest = SystemdReading(refusesOddSections: true, continuesComments: false)
}

/// The bytes of systemd's files: what its src/basic calls WHITESPACE, NEWLINE and valid UTF-8.
enum SystemdText {
    static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    static func isNewline(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let first = bytes.firstIndex(where: { !isBlank($0) }),
            let last = bytes.lastIndex(where: { !isBlank($0) })
        else { return [] }
        return bytes[first...last]
    }

    /// utf8_is_valid() of src/basic/utf8.c, which takes no noncharacters.
    static func isValidUTF8(_ bytes: some Sequence<UInt8>) -> Bool {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        while true {
            switch decoder.decode(&iterator) {
            case .emptyInput: return true
            case .error: return false
            case .scalarValue(let scalar):
                if scalar.value & 0xFFFE == 0xFFFE || (0xFDD0...0xFDEF).contains(scalar.value) {
                    return false
                }
            }
        }
    }

    /// env_assignment_is_valid() of src/basic/env-util.c: the name and the value of "NAME=value",
    /// or nil for what systemd leaves out.
    static func assignment(_ word: [UInt8]) -> (name: String, value: String)? {
        guard let equals = word.firstIndex(of: UInt8(ascii: "=")),
            isName(word[..<equals]), isValidUTF8(word[(equals + 1)...])
        else { return nil }
        return (
            String(decoding: word[..<equals], as: UTF8.self),
            String(decoding: word[(equals + 1)...], as: UTF8.self)
        )
    }

    /// env_name_is_valid().
    static func isName(_ bytes: some Collection<UInt8>) -> Bool {
        guard let first = bytes.first, !(0x30...0x39).contains(first) else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }
}
