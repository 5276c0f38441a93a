import Glibc
import LinuxSystem

/// What an ELF file contains that decides whether a preload library reaches it.
///
/// Every offset, size and count in the file may be wrong. Each is checked against
/// a bound before it is used, and what cannot be read counts as absent. Layouts:
/// elf(5).
package struct ELFImage: Equatable, Sendable {
    package let architecture: Architecture
    /// ET_DYN: a position independent program or a library; else ET_EXEC or other.
    package let isSharedObject: Bool
    /// PT_INTERP: the dynamic loader that the kernel starts in the program's place.
    package let interpreter: Bytes?
    /// DT_NEEDED: the libraries it was linked against.
    package let needed: [Bytes]
    package let soname: Bytes?
    /// The version of the Go toolchain that built it; nil when Go did not.
    package let goVersion: GoVersion?

    /// Nil when the file is no ELF file.
    package init?(_ source: any ByteSource) {
        guard let file = ELFReader(source) else { return nil }
        let segments = file.segments()
        architecture = file.architecture
        isSharedObject = file.type == 3
        interpreter = segments.first { $0.type == 3 }.flatMap { segment in
            // The kernel refuses longer ones (fs/binfmt_elf.c).
            guard segment.fileSize >= 2, segment.fileSize <= UInt64(PATH_MAX) else { return nil }
            let name = source.read(at: segment.offset, count: Int(segment.fileSize))
            return Bytes(name.prefix { $0 != 0 })
        }
        let names = file.dynamicNames(segments)
        needed = names.needed
        soname = names.soname
        goVersion = GoVersion(file, segments)
    }

    /// The family of C library whose loader the program names.
    package enum Loader: Sendable { case glibc, musl, other }

    package var loader: Loader? {
        guard let name = interpreter?.lastPathComponent else { return nil }
        if name.starts(with: "ld-musl".utf8) { return .musl }
        // ld-linux*.so.N, ld64.so.N (POWER, s390x), ld.so.1 (MIPS, s390).
        for prefix in ["ld-linux", "ld64.so.", "ld.so."] where name.starts(with: prefix.utf8) {
            return .glibc
        }
        return .other
    }

    /// Whether the file is itself a dynamic loader, which loads the program that
    /// is its argument, and preload libraries with it.
    package var isLoader: Bool {
        guard interpreter == nil, isSharedObject, let soname else { return false }
        return soname.starts(with: "ld".utf8) || soname.starts(with: "libc.".utf8)
    }
}

/// A header, segment or section of an ELF file, in numbers of the host.
struct ELFReader {
    let source: any ByteSource
    package let architecture: Architecture
    let type: UInt16
    private let header: ELFBytes

    /// The kernel refuses a longer program header table (fs/binfmt_elf.c).
    private static let longestTable: UInt64 = 65_536
    /// Generous: LibreOffice's largest has 300 entries of 16 bytes.
    private static let longestDynamic: UInt64 = 65_536

    init?(_ source: any ByteSource) {
        let ident = source.read(at: 0, count: 64)
        guard ident.count >= 52, ident.starts(with: [0x7F, 0x45, 0x4C, 0x46]),
            ident[4] == 1 || ident[4] == 2, ident[5] == 1 || ident[5] == 2
        else { return nil }
        let wide = ident[4] == 2
        let big = ident[5] == 2
        header = ELFBytes(ident, wide: wide, bigEndian: big)
        guard let type = header.u16(16), let machine = header.u16(18) else { return nil }
        self.source = source
        self.type = type
        architecture = Architecture(machine: machine, is64Bit: wide, isBigEndian: big)
    }

    struct Segment {
        let type: UInt32
        let flags: UInt32
        let offset: UInt64
        let address: UInt64
        let fileSize: UInt64
    }

    struct Section {
        let name: UInt32
        let offset: UInt64
        let address: UInt64
        let size: UInt64
    }

    func read(_ offset: UInt64, _ count: UInt64, atMost limit: UInt64) -> ELFBytes {
        let bytes = source.read(at: offset, count: Int(min(count, limit)))
        return ELFBytes(bytes, wide: architecture.is64Bit, bigEndian: architecture.isBigEndian)
    }

    func segments() -> [Segment] {
        let wide = architecture.is64Bit
        guard let start = header.word(wide ? 32 : 28), let size = header.u16(wide ? 54 : 42),
            let count = header.u16(wide ? 56 : 44), size >= (wide ? 56 : 32)
        else { return [] }
        let table = read(start, UInt64(size) * UInt64(count), atMost: Self.longestTable)
        return stride(from: 0, to: table.count, by: Int(size)).compactMap { at in
            guard let type = table.u32(at), let flags = table.u32(at + (wide ? 4 : 24)),
                let offset = table.word(at + (wide ? 8 : 4)),
                let address = table.word(at + (wide ? 16 : 8)),
                let fileSize = table.word(at + (wide ? 32 : 16))
            else { return nil }
            return Segment(
                type: type, flags: flags, offset: offset, address: address, fileSize: fileSize)
        }
    }

    /// The section of that name; nil also in a file without section headers.
    func section(named name: String) -> Section? {
        let wide = architecture.is64Bit
        guard let start = header.word(wide ? 40 : 32), start > 0,
            let size = header.u16(wide ? 58 : 46), let count = header.u16(wide ? 60 : 48),
            let names = header.u16(wide ? 62 : 50), size >= (wide ? 64 : 40)
        else { return nil }
        let table = read(start, UInt64(size) * UInt64(count), atMost: 4 << 20)
        func section(_ index: Int) -> Section? {
            let at = index * Int(size)
            guard let name = table.u32(at), let address = table.word(at + (wide ? 16 : 12)),
                let offset = table.word(at + (wide ? 24 : 16)),
                let length = table.word(at + (wide ? 32 : 20))
            else { return nil }
            return Section(name: name, offset: offset, address: address, size: length)
        }
        guard let strings = section(Int(names)) else { return nil }
        let text = read(strings.offset, strings.size, atMost: 1 << 20)
        let wanted = Bytes(name.utf8) + [0]
        for index in 0..<Int(count) {
            guard let candidate = section(index) else { return nil }
            if text.has(wanted, at: Int(candidate.name)) { return candidate }
        }
        return nil
    }

    /// The file's bytes that are mapped at this address, up to the segment's end.
    func mapped(_ address: UInt64, _ count: UInt64, in segments: [Segment]) -> Bytes {
        for segment in segments where segment.type == 1 && address >= segment.address {
            let into = address - segment.address
            guard into < segment.fileSize else { continue }
            let (offset, overflow) = segment.offset.addingReportingOverflow(into)
            guard !overflow else { continue }
            return source.read(at: offset, count: Int(min(count, segment.fileSize - into, 1 << 20)))
        }
        return []
    }

    /// DT_STRTAB: the names that a dynamically linked file calls, among others.
    func dynamicStrings(_ segments: [Segment]) -> Bytes {
        guard let dynamic = segments.first(where: { $0.type == 2 }) else { return [] }
        let table = read(dynamic.offset, dynamic.fileSize, atMost: Self.longestDynamic)
        let word = architecture.is64Bit ? 8 : 4
        var place: UInt64?
        var size: UInt64?
        for at in stride(from: 0, to: table.count, by: 2 * word) {
            guard let tag = table.word(at), let value = table.word(at + word), tag != 0 else {
                break
            }
            if tag == 5 { place = value }
            if tag == 10 { size = value }
        }
        guard let place, let size else { return [] }
        return mapped(place, size, in: segments)
    }

    /// DT_NEEDED and DT_SONAME.
    func dynamicNames(_ segments: [Segment]) -> (needed: [Bytes], soname: Bytes?) {
        guard let dynamic = segments.first(where: { $0.type == 2 }) else { return ([], nil) }
        let table = read(dynamic.offset, dynamic.fileSize, atMost: Self.longestDynamic)
        let word = architecture.is64Bit ? 8 : 4
        var needed: [UInt64] = []
        var soname: UInt64?
        var strings: UInt64?
        for at in stride(from: 0, to: table.count, by: 2 * word) {
            guard let tag = table.word(at), let value = table.word(at + word), tag != 0 else {
                break
            }
            switch tag {
            case 1: needed.append(value)
            case 5: strings = value
            case 14: soname = value
            default: break
            }
        }
        guard let strings else { return ([], nil) }
        func name(_ offset: UInt64) -> Bytes {
            let (address, overflow) = strings.addingReportingOverflow(offset)
            return overflow
                ? [] : Bytes(mapped(address, 256, in: segments).prefix { $0 != 0 })
        }
        return (needed.prefix(1024).map(name), soname.map(name))
    }
}

/// Numbers of either byte order and word size at any offset, nil past the end.
struct ELFBytes {
    private let bytes: Bytes
    private let wide: Bool
    private let bigEndian: Bool

    init(_ bytes: Bytes, wide: Bool, bigEndian: Bool) {
        self.bytes = bytes
        self.wide = wide
        self.bigEndian = bigEndian
    }

    var count: Int { bytes.count }

    func u16(_ offset: Int) -> UInt16? { number(offset) }
    func u32(_ offset: Int) -> UInt32? { number(offset) }
    /// An address, an offset or a size: 4 or 8 bytes, by the file's class.
    func word(_ offset: Int) -> UInt64? { wide ? number(offset) : u32(offset).map { UInt64($0) } }

    func slice(_ offset: Int, _ length: Int) -> Bytes? {
        guard offset >= 0, offset <= count, length <= count - offset else { return nil }
        return Bytes(bytes[offset..<(offset + length)])
    }

    /// Whether these bytes are there.
    func has(_ part: Bytes, at offset: Int) -> Bool {
        guard offset >= 0, offset <= count, part.count <= count - offset else { return false }
        for index in part.indices where bytes[offset + index] != part[index] { return false }
        return true
    }

    private func number<Number: FixedWidthInteger>(_ offset: Int) -> Number? {
        let length = MemoryLayout<Number>.size
        guard offset >= 0, offset <= count, length <= count - offset else { return nil }
        let number = bytes.withUnsafeBytes {
            $0.loadUnaligned(fromByteOffset: offset, as: Number.self)
        }
        return bigEndian ? Number(bigEndian: number) : Number(littleEndian: number)
    }
}
