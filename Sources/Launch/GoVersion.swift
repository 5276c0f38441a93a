import LinuxSystem

/// The release of Go that built a program, "go1.21" and up.
package struct GoVersion: Equatable, Sendable {
    /// As the toolchain wrote it: "go1.22.1", "devel go1.23-abc …"; empty when unreadable.
    package let text: String
    package let major: Int
    package let minor: Int

    /// GODEBUG=multipathtcp= came with Go 1.21.
    package var knowsMultipath: Bool { major > 1 || (major == 1 && minor >= 21) }

    private static let magic: Bytes = [0xFF] + Bytes(" Go buildinf:".utf8)

    /// Finds "goMAJOR.MINOR" in the text; a text without it counts as version 0.
    init(_ text: String) {
        self.text = text
        var (major, minor) = (0, 0)
        for word in text.split(separator: " ") where word.hasPrefix("go") {
            let parts = word.dropFirst(2).split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count >= 2, let first = Int(parts[0].prefix(4)),
                let second = Int(parts[1].prefix(4).prefix { $0.isNumber })
            else { continue }
            (major, minor) = (first, second)
            break
        }
        self.major = major
        self.minor = minor
    }

    /// Reads the build information that Go's linker leaves in every program, nil
    /// where there is none. Layout: the package debug/buildinfo of Go.
    init?(_ file: ELFReader, _ segments: [ELFReader.Segment]) {
        guard let section = file.section(named: ".go.buildinfo") else { return nil }
        // 32 bytes of header, then, since Go 1.18, the version itself.
        let info = file.read(section.offset, section.size, atMost: 4096)
        guard let start = info.slice(0, 32), start.starts(with: Self.magic) else { return nil }
        let flags = start[15]
        if flags & 2 != 0 {
            self.init(Self.inlineText(info) ?? "")
            return
        }
        // Before 1.18: the address of a Go string, which is an address and a length.
        let width = Int(start[14])
        guard width == 4 || width == 8 else {
            self.init("")
            return
        }
        func numbers(_ bytes: Bytes) -> ELFBytes {
            ELFBytes(bytes, wide: width == 8, bigEndian: flags & 1 != 0)
        }
        guard let header = numbers(start).word(16) else { return nil }
        let string = numbers(file.mapped(header, UInt64(2 * width), in: segments))
        guard let address = string.word(0), let length = string.word(width) else {
            self.init("")
            return
        }
        self.init(file.mapped(address, min(length, 128), in: segments).text)
    }

    /// A varint (7 bits a byte, lowest first) with the length, then the text.
    private static func inlineText(_ info: ELFBytes) -> String? {
        var length = 0
        var offset = 32
        for shift in stride(from: 0, through: 21, by: 7) {
            guard let byte = info.slice(offset, 1)?[0] else { return nil }
            offset += 1
            length |= Int(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return info.slice(offset, min(length, 128))?.text }
        }
        return nil
    }
}
