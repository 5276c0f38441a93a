/// The settings in a unit's file or drop-in, in their order: config_parse() of
/// systemd's src/shared/conf-parser.c.
package struct UnitFile: Sendable, Equatable {
    package struct Setting: Sendable, Equatable {
        package let section: String
        package let key: String
        package let value: String
    }

    package let path: String
    package let settings: [Setting]

    package init(path: String, text: String) {
        self.path = path
        var settings: [Setting] = []
        var section = ""
        var pending = ""
        // Comments do not end a continued line; they are left out of it.
        func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D || byte == 0 }
        func take(_ line: some StringProtocol) {
            let line = line.trimmed
            if line.isEmpty { return }
            if line.first == "[" {
                section = line.last == "]" ? String(line.dropFirst().dropLast()) : ""
            } else if let equals = line.utf8.firstIndex(of: UInt8(ascii: "=")) {
                settings.append(
                    Setting(
                        section: section, key: String(line[..<equals].trimmed),
                        value: String(line[line.utf8.index(after: equals)...].trimmed)))
            }
        }
        // By bytes: to Swift, "\r\n" is one character, and so is "=" with an accent on it.
        for bytes in text.utf8.split(omittingEmptySubsequences: false, whereSeparator: isLineEnd) {
            let line = Substring(bytes)
            let trimmed = line.trimmed
            if trimmed.first == "#" || trimmed.first == ";" { continue }
            if Self.isContinued(line) {
                pending += line.dropLast() + " "
            } else {
                take(pending + line)
                pending = ""
            }
        }
        take(pending)
        self.settings = settings
    }

    /// An escaped backslash at the end continues nothing.
    private static func isContinued(_ line: Substring) -> Bool {
        line.reversed().prefix { $0 == "\\" }.count % 2 == 1
    }

    /// All values of a setting, in their order; an empty one resets what stands before it.
    package func values(_ key: String, in section: String) -> [String] {
        settings.filter { $0.section == section && $0.key == key }.map(\.value)
    }
}

extension StringProtocol {
    /// Without the white space of systemd's files at both ends.
    var trimmed: Substring {
        let isSpace = { (scalar: Unicode.Scalar) in " \t\r\n".unicodeScalars.contains(scalar) }
        guard let first = unicodeScalars.firstIndex(where: { !isSpace($0) }),
            let last = unicodeScalars.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return Substring(self[first..<unicodeScalars.index(after: last)])
    }
}
