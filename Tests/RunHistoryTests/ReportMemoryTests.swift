import Foundation
import LinuxSystem
import TestSupport
import Testing

@testable import RunHistory

@Suite("What is remembered of reports")
struct ReportMemoryTests {
    private let directory = try! TemporaryDirectory()
    private var memory: ReportMemory { ReportMemory(in: directory.file("state")) }
    private var folder: String { directory.file("state/mptcpize") }
    private let program = Bytes("/usr/bin/env".utf8)

    private func report(_ date: UInt64, corked: Int = 0) -> RememberedReport {
        var lines = ["report \(date) mptcp=3 fallback=1"]
        if corked > 0 { lines.append("option 6 3 adjust \(corked)") }
        return RememberedReport.parse(lines)[0]
    }

    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.posixPermissions] as? Int) ?? 0
    }

    @Test("the last ones of each program, for this user alone")
    func lastOnes() throws {
        for date in 1...10 { memory.add(report(UInt64(date), corked: date), for: program) }
        memory.add(report(77), for: Bytes("/bin/sh".utf8))
        let reports = memory.reports(of: program)
        #expect(reports.map(\.date) == [10, 9, 8, 7, 6, 5, 4, 3])
        #expect(reports[0] == report(10, corked: 10))
        // By whatever link it is called.
        #expect(memory.reports(of: Bytes("/usr/bin/../bin/env".utf8)) == reports)
        #expect(memory.reports(of: Bytes("/bin/false".utf8)).isEmpty)
        #expect(try mode(folder) == 0o700)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(files.count == 2)
        for file in files { #expect(try mode("\(folder)/\(file)") == 0o600) }
    }

    @Test("a sum of several reports")
    func sum() throws {
        let sum = try #require(
            RememberedReport(sum: [report(9, corked: 2), report(10), report(8, corked: 3)]))
        #expect(sum.date == 10)
        #expect(sum.wires == [.mptcp: 9, .fallback: 3])
        #expect(sum.options.map(\.sockets) == [5])
        #expect(RememberedReport(sum: []) == nil)
    }

    @Test("a program's path may be any bytes")
    func anyPath() {
        let odd = Bytes("/no such/\n%\u{1B}".utf8) + [0xFF]
        memory.add(report(1), for: odd)
        #expect(memory.reports(of: odd).count == 1)
        #expect(memory.reports(of: Array(odd.dropLast())).isEmpty)
    }

    @Test("what others made in its place is not touched: a link, a file, a shared directory")
    func planted() throws {
        let files = FileManager.default
        let elsewhere = directory.file("elsewhere")
        try files.createDirectory(atPath: elsewhere, withIntermediateDirectories: true)
        try files.createDirectory(
            atPath: directory.file("state"), withIntermediateDirectories: true)
        try files.createSymbolicLink(atPath: folder, withDestinationPath: elsewhere)
        memory.add(report(1), for: program)
        #expect(try files.contentsOfDirectory(atPath: elsewhere).isEmpty)

        try files.removeItem(atPath: folder)
        try Data().write(to: URL(fileURLWithPath: folder))
        memory.add(report(1), for: program)
        #expect(memory.reports(of: program).isEmpty)

        try files.removeItem(atPath: folder)
        try files.createDirectory(atPath: folder, withIntermediateDirectories: false)
        chmod(folder, 0o777)
        memory.add(report(1), for: program)
        #expect(try files.contentsOfDirectory(atPath: folder).isEmpty)
    }

    @Test("a file that is a link, or not ours to understand, counts as none")
    func spoiltFile() throws {
        memory.add(report(1), for: program)
        let name = try #require(
            try FileManager.default.contentsOfDirectory(atPath: folder).first)
        let file = "\(folder)/\(name)"
        let secret = directory.file("secret")
        try FileManager.default.moveItem(atPath: file, toPath: secret)
        try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: secret)
        #expect(memory.reports(of: program).isEmpty)

        try FileManager.default.removeItem(atPath: file)
        let text = try String(contentsOfFile: secret, encoding: .utf8)
        var random = SeededGenerator(state: 11)
        for _ in 0..<2000 {
            var bytes = Array(text.utf8)
            for _ in 0..<3 {
                bytes[Int.random(in: bytes.indices, using: &random)] = .random(
                    in: 0...255, using: &random)
            }
            try Data(bytes).write(to: URL(fileURLWithPath: file))
            #expect(memory.reports(of: program).count <= 1)
        }
        memory.add(report(2), for: program)
        #expect(memory.reports(of: program).first?.date == 2)
    }

    @Test("programs are forgotten, the longest not run first")
    func bounded() throws {
        for number in 0..<260 {
            memory.add(report(UInt64(number)), for: Bytes("/no/program\(number)".utf8))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count <= 256)
        #expect(memory.reports(of: Bytes("/no/program259".utf8)).count == 1)
    }

    @Test("several runs at the same moment leave a whole file")
    func atOnce() async throws {
        let memory = memory
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                group.addTask {
                    memory.add(
                        RememberedReport.parse(["report \(number)"])[0],
                        for: Bytes("/no/program".utf8))
                }
            }
        }
        // One that had to wait for too long gave up.
        #expect((1...8).contains(memory.reports(of: Bytes("/no/program".utf8)).count))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 1)
    }
}
