import LinuxSystem

/// The format of files that `EnvironmentFile=` names: load_env_file() of systemd's
/// src/basic/env-file.c. Like a shell's assignments, without any expansion.
package enum EnvironmentFile {
    /// The assignments in their order; a later one of the same name wins.
    ///
    /// - Returns: nil for a file of which systemd takes nothing: with a NUL, or with an assignment
    ///   that is no UTF-8.
    package static func parse(
        _ bytes: Bytes, reading: SystemdReading = .latest
    ) -> [(name: String, value: String)]? {
        if bytes.contains(0) { return nil }
        var machine = Machine(continuesComments: reading.continuesComments)
        for byte in bytes { machine.take(byte) }
        machine.finish()
        guard machine.pairs.allSatisfy({ SystemdText.isValidUTF8($0.key + $0.value) }) else {
            return nil
        }
        return machine.pairs.compactMap {
            SystemdText.assignment($0.key + [UInt8(ascii: "=")] + $0.value)
        }
    }

    package static func parse(_ text: String) -> [(name: String, value: String)] {
        parse(Bytes(text.utf8)) ?? []
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

    /// The states of parse_env_file_internal(), by its names.
    private struct Machine {
        private enum State {
            case preKey, key, preValue, value, valueEscape
            case singleQuote, doubleQuote, doubleQuoteEscape
            case comment, commentEscape
        }

        let continuesComments: Bool
        private(set) var pairs: [(key: Bytes, value: Bytes)] = []
        private var state = State.preKey
        private var key: Bytes = []
        private var value: Bytes = []
        /// Where the white space begins that bare text ends with; nil where it ends with none.
        private var blanks: Int?

        init(continuesComments: Bool) { self.continuesComments = continuesComments }

        mutating func take(_ byte: UInt8) {
            let isNewline = SystemdText.isNewline(byte)
            switch state {
            case .preKey:
                if byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";") {
                    state = .comment
                } else if !SystemdText.isBlank(byte) {
                    (state, key) = (.key, [byte])
                }
            case .key where isNewline: state = .preKey
            case .key where byte == UInt8(ascii: "="): (state, value, blanks) = (.preValue, [], nil)
            case .key: key.append(byte)
            case .preValue where isNewline, .value where isNewline: push()
            case .preValue where byte == UInt8(ascii: "'"): state = .singleQuote
            case .preValue where byte == UInt8(ascii: "\""): state = .doubleQuote
            case .preValue, .value: bare(byte)
            case .valueEscape:
                state = .value
                if !isNewline { value.append(byte) }
            case .singleQuote where byte == UInt8(ascii: "'"): state = .preValue
            case .doubleQuote where byte == UInt8(ascii: "\""): state = .preValue
            case .doubleQuote where byte == UInt8(ascii: "\\"): state = .doubleQuoteEscape
            case .singleQuote, .doubleQuote: value.append(byte)
            case .doubleQuoteEscape:
                state = .doubleQuote
                if "\"\\`$".utf8.contains(byte) {
                    value.append(byte)
                } else if byte != 0x0A {
                    value += [UInt8(ascii: "\\"), byte]
                }
            case .comment where byte == UInt8(ascii: "\\"): state = .commentEscape
            case .comment: if isNewline { state = .preKey }
            case .commentEscape:
                state = isNewline && !continuesComments ? .preKey : .comment
            }
        }

        /// Before a value and in it. White space means nothing before bare text and after it.
        private mutating func bare(_ byte: UInt8) {
            if byte == UInt8(ascii: "\\") {
                (state, blanks) = (.valueEscape, nil)
            } else if !SystemdText.isBlank(byte) {
                (state, blanks) = (.value, nil)
                value.append(byte)
            } else if state == .value {
                blanks = blanks ?? value.count
                value.append(byte)
            }
        }

        private mutating func push() {
            if state == .value, let blanks { value.removeSubrange(blanks...) }
            let end = key.lastIndex { !SystemdText.isBlank($0) }.map { $0 + 1 } ?? 0
            pairs.append((Bytes(key[..<end]), value))
            state = .preKey
        }

        mutating func finish() {
            switch state {
            case .preKey, .key, .comment, .commentEscape: break
            default: push()
            }
        }
    }
}
