import Foundation
import LinuxSystem
import TestSupport
import Testing

@testable import Launch

@Suite("Go programs")
struct GoVersionTests {
    @Test(
        "the version in the toolchain's words",
        arguments: [
            ("go1.20.14", 1, 20, false), ("go1.21", 1, 21, true), ("go1.21rc2", 1, 21, true),
            ("go1.22.1 X:rangefunc", 1, 22, true), ("devel go1.23-4c50f9162c Thu", 1, 23, true),
            ("go2.0", 2, 0, true), ("devel +abcdef Mon", 0, 0, false), ("", 0, 0, false),
            ("go1", 0, 0, false), ("gopher go1.x", 0, 0, false),
        ])
    func versions(text: String, major: Int, minor: Int, knows: Bool) {
        let version = GoVersion(text)
        #expect(version.major == major)
        #expect(version.minor == minor)
        #expect(version.knowsMultipath == knows)
    }

    @Test("a real program tells its toolchain's version", .requires(.command("go")))
    func real() throws {
        let told = try mustRun(["go", "env", "GOVERSION"]).trimmingCharacters(
            in: .whitespacesAndNewlines)
        let image = try #require(ELFImage(MemorySource(try GoProgram.bytes)))
        #expect(image.goVersion?.text == told)
        #expect(image.loader == nil)
    }

    @Test("the format of Go before 1.18, a pointer to a string", .requires(.command("go")))
    func pointers() throws {
        var program = try GoProgram.bytes
        let info = try #require(GoProgram.buildInfo(program))
        let section = Int(info.offset)
        // Little-endian, pointers of 8 bytes, the string's header and text behind it.
        program[section + 15] = 0
        program.replaceSubrange(
            (section + 16)..<(section + 24), with: littleEndian(info.address + 32))
        program.replaceSubrange(
            (section + 32)..<(section + 40), with: littleEndian(info.address + 48))
        program.replaceSubrange((section + 40)..<(section + 48), with: littleEndian(8))
        program.replaceSubrange((section + 48)..<(section + 56), with: "go1.17.5".utf8)
        #expect(ELFImage(MemorySource(program))?.goVersion == GoVersion("go1.17.5"))
    }

    @Test("damaged build information does no harm", .requires(.command("go")))
    func damaged() throws {
        let program = try GoProgram.bytes
        let section = Int(try #require(GoProgram.buildInfo(program)).offset)
        for offset in 0..<48 {
            for byte: UInt8 in [0, 1, 2, 3, 4, 8, 0x7F, 0x80, 0xFF] {
                var broken = program
                broken[section + offset] = byte
                _ = ELFImage(MemorySource(broken))
            }
        }
    }

    private func littleEndian(_ value: UInt64) -> Bytes {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}

/// A program that Go built, and what it would be from another Go.
enum GoProgram {
    static var bytes: Bytes { get throws { try built.get() } }

    private static let built = Result {
        let text = "package main\n\nfunc main() { println(\"gopher\") }\n"
        return try Bytes(contentsOf: Fixtures.go("gopher", text))
    }

    static func buildInfo(_ program: Bytes) -> ELFReader.Section? {
        ELFReader(MemorySource(program))?.section(named: ".go.buildinfo")
    }

    /// The same program with another version, of the same length, in its build information.
    static func claiming(_ version: String) throws -> Bytes {
        var program = try bytes
        guard let section = buildInfo(program), let image = ELFImage(MemorySource(program)),
            let real = image.goVersion?.text, version.utf8.count <= real.utf8.count
        else { throw POSIXError(.ENOEXEC) }
        let start = Int(section.offset) + 32
        program[start] = UInt8(version.utf8.count)
        program.replaceSubrange((start + 1)..<(start + 1 + version.utf8.count), with: version.utf8)
        return program
    }
}
