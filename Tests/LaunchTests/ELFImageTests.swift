import Foundation
import LinuxSystem
import TestSupport
import Testing

@testable import Launch

@Suite("What an ELF file says of itself")
struct ELFImageTests {
    private func image(
        _ flavour: Fixtures.Flavour, flags: [String] = []
    ) throws -> ELFImage {
        let program = try Fixtures.program("bench_start", flavour, flags: flags)
        return try #require(ELFImage(MemorySource(Bytes(contentsOf: program))))
    }

    @Test("a dynamic program of glibc")
    func glibc() throws {
        let image = try image(.glibc)
        #expect(image.architecture == .native)
        #expect(image.loader == .glibc)
        #expect(image.needed.map(\.text).contains("libc.so.6"))
        #expect(image.goVersion == nil)
        #expect(!image.isLoader)
        #expect(!image.needsAddressSanitizer)
    }

    @Test("a dynamic program of musl", .requires(.flavour(.musl)))
    func musl() throws {
        let image = try image(.musl)
        #expect(image.loader == .musl)
        #expect(image.needed.map(\.text) == ["libc.so"])
    }

    @Test("static programs name no loader", .requires(.flavour(.staticGlibc)))
    func statically() throws {
        #expect(try image(.staticGlibc).loader == nil)
        let pie = try image(.glibc, flags: ["-static-pie"])
        #expect(pie.loader == nil)
        #expect(pie.isSharedObject)
        #expect(!pie.isLoader)
    }

    @Test("a 32-bit program", .requires(.flavour(.i386)))
    func i386() throws {
        let image = try image(.i386)
        #expect(image.architecture == .i386)
        #expect(image.interpreter?.text == "/lib/ld-linux.so.2")
        #expect(image.needed.map(\.text).contains("libc.so.6"))
    }

    @Test("AddressSanitizer's runtime, but no other sanitizer's")
    func sanitizers() throws {
        #expect(try image(.addressSanitizer).needsAddressSanitizer)
        #expect(try !image(.threadSanitizer).needsAddressSanitizer)
    }

    @Test("a dynamic loader is told from a static program")
    func loader() throws {
        let program = try image(.glibc)
        let path = try #require(program.interpreter).text
        let loader = try #require(ELFImage(MemorySource(Bytes(contentsOf: path))))
        #expect(loader.loader == nil)
        #expect(loader.isLoader)
    }

    @Test("a big-endian file", arguments: [false, true])
    func bigEndian(wide: Bool) throws {
        let loader = "/lib/ld64.so.1"
        let image = try #require(
            ELFImage(MemorySource(smallELF(machine: 22, wide: wide, interpreter: loader))))
        #expect(image.architecture == Architecture(machine: 22, is64Bit: wide, isBigEndian: true))
        #expect(image.interpreter?.text == loader)
        #expect(image.loader == .glibc)
    }

    @Test("no other file is one")
    func others() throws {
        #expect(ELFImage(MemorySource([])) == nil)
        #expect(ELFImage(MemorySource(Bytes("#!/bin/sh\n"))) == nil)
        #expect(ELFImage(MemorySource(Bytes("\u{7F}ELF"))) == nil)
        let whole = try Bytes(contentsOf: Fixtures.program("bench_start"))
        var foreignClass = whole
        foreignClass[4] = 3
        #expect(ELFImage(MemorySource(foreignClass)) == nil)
    }

    /// What is broken may be read as anything, but neither crashes nor reads without end.
    @Test("truncated and hostile files do no harm", arguments: [Fixtures.Flavour.glibc, .i386])
    func hostile(flavour: Fixtures.Flavour) throws {
        let whole = try Bytes(contentsOf: Fixtures.program("bench_start", flavour))
        for length in Array(0..<700) + stride(from: 700, to: whole.count, by: 97) {
            _ = ELFImage(MemorySource(Bytes(whole[..<length])))
        }
        var random = SeededGenerator(state: 0x6D70_7463)
        // Headers and tables matter, wherever they are: most changes go there.
        let header = 0..<64
        let segments = 64..<1024
        let sections = max(0, whole.count - 2500)..<whole.count
        let extremes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF]
        for _ in 0..<20_000 {
            var broken = whole
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let range = [header, segments, sections, 0..<whole.count].randomElement(
                    using: &random)!
                let place = Int.random(in: range, using: &random)
                let length = min(Int.random(in: 1...8, using: &random), whole.count - place)
                let byte =
                    Bool.random(using: &random)
                    ? extremes.randomElement(using: &random)!
                    : UInt8.random(in: 0...255, using: &random)
                for index in place..<(place + length) { broken[index] = byte }
            }
            _ = ELFImage(CountingSource(MemorySource(broken)))
        }
    }
}

/// Fails a test whose reads sum up to more than any honest file needs.
private final class CountingSource: ByteSource {
    private let source: MemorySource
    private var total = 0

    init(_ source: MemorySource) { self.source = source }

    func read(at offset: UInt64, count: Int) -> Bytes {
        total += count
        if count < 0 || total > 16 << 20 { Issue.record("reads \(total) bytes") }
        return source.read(at: offset, count: count)
    }
}

/// A big-endian ELF header with one segment, PT_INTERP.
private func smallELF(machine: UInt16, wide: Bool, interpreter: String) -> Bytes {
    var file = Bytes(repeating: 0, count: 256)
    func put(_ value: UInt64, _ size: Int, at offset: Int) {
        for index in 0..<size {
            file[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * (size - 1 - index)))
        }
    }
    let word = wide ? 8 : 4
    file.replaceSubrange(0..<7, with: [0x7F, 0x45, 0x4C, 0x46, wide ? 2 : 1, 2, 1])
    put(2, 2, at: 16)
    put(UInt64(machine), 2, at: 18)
    put(64, word, at: wide ? 32 : 28)
    put(wide ? 56 : 32, 2, at: wide ? 54 : 42)
    put(1, 2, at: wide ? 56 : 44)
    put(3, 4, at: 64)
    put(160, word, at: 64 + word)
    put(UInt64(interpreter.utf8.count + 1), word, at: 64 + (wide ? 32 : 16))
    file.replaceSubrange(160..<(160 + interpreter.utf8.count), with: interpreter.utf8)
    return file
}
