import LinuxSystem

/// The settings in a unit's file or drop-in, in their order: config_parse() of
/// systemd's src/shared/conf-parser.c.
package struct UnitFile: Sendable, Equatable {
    package struct Setting: Sendable, Equatable {
        package let section: String
        package let key: String
        package let value: String
    }

    package let path: String
    package private(set) var settings: [Setting] = []

    /// LONG_LINE_MAX of systemd's src/basic/fileio.h, in bytes.
    static let longestLine = 1 << 20

    package init(path: String, text: String) { self.init(path: path, bytes: Bytes(text.utf8)) }

    package init(path: String, bytes: Bytes, reading: SystemdReading = .latest) {
        self.path = path
        var lines = Lines(bytes: bytes)
        var section = ""
        var pending: Bytes?
        var hasMark = false
        while let whole = lines.next() {
            // Neither this line nor anything after it is read.
            if whole.count >= Self.longestLine { return }
            // Comments do not end a continued line; they are left out of it.
            if let first = whole.first(where: { !SystemdText.isBlank($0) }), Self.isComment(first) {
                continue
            }
            var line = whole
            if !hasMark, line.starts(with: Self.byteOrderMark) {
                line = line.dropFirst(Self.byteOrderMark.count)
                hasMark = true
            }
            if let pending, pending.count + line.count > Self.longestLine { return }
            if Self.isContinued(line) {
                pending = (pending ?? []) + line.dropLast() + [0x20]
            } else {
                guard take((pending ?? []) + line, &section, reading) else { return }
                pending = nil
            }
        }
        if let pending { _ = take(pending, &section, reading) }
    }

    private static let byteOrderMark: Bytes = [0xEF, 0xBB, 0xBF]

    private static func isComment(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";")
    }

    /// An escaped backslash at the end continues nothing.
    private static func isContinued(_ line: ArraySlice<UInt8>) -> Bool {
        line.reversed().prefix { $0 == UInt8(ascii: "\\") }.count % 2 == 1
    }

    /// - Returns: false for what has systemd stop reading the file.
    private mutating func take(
        _ text: Bytes, _ section: inout String, _ reading: SystemdReading
    ) -> Bool {
        let line = SystemdText.trimmed(text[...])
        guard let first = line.first else { return true }
        guard SystemdText.isValidUTF8(line) else { return false }
        if first == UInt8(ascii: "[") {
            guard line.last == UInt8(ascii: "]") else { return false }
            let name = line.dropFirst().dropLast()
            if reading.refusesOddSections, !Self.isSafe(name) { return false }
            section = String(decoding: name, as: UTF8.self)
        } else if let equals = line.firstIndex(of: UInt8(ascii: "=")) {
            settings.append(
                Setting(
                    section: section,
                    key: String(decoding: SystemdText.trimmed(line[..<equals]), as: UTF8.self),
                    value: String(
                        decoding: SystemdText.trimmed(line[(equals + 1)...]), as: UTF8.self)))
        }
        return true
    }

    /// string_is_safe() of src/basic/string-util.c.
    private static func isSafe(_ name: ArraySlice<UInt8>) -> Bool {
        name.allSatisfy { $0 >= 0x20 && !#""'\"#.utf8.contains($0) && $0 != 0x7F }
    }

    /// All values of a setting, in their order; an empty one resets what stands before it.
    package func values(_ key: String, in section: String) -> [String] {
        settings.filter { $0.section == section && $0.key == key }.map(\.value)
    }

    /// read_line_full() of src/basic/fileio.c: a line ends with LF, CR or NUL, or with several of
    /// them, each once and a NUL last.
    private struct Lines {
        let bytes: Bytes
        var position = 0

        mutating func next() -> ArraySlice<UInt8>? {
            guard position < bytes.count else { return nil }
            let start = position
            while position < bytes.count, !Self.isEnd(bytes[position]) { position += 1 }
            let line = bytes[start..<position]
            var seen: [UInt8] = []
            while position < bytes.count, Self.isEnd(bytes[position]),
                !seen.contains(bytes[position]), seen.last != 0
            {
                seen.append(bytes[position])
                position += 1
            }
            return line
        }

        private static func isEnd(_ byte: UInt8) -> Bool {
            byte == 0 || SystemdText.isNewline(byte)
        }
    }
}
