import Foundation
import TestSupport
import Testing

@Suite("mptcpize metrics --output")
struct MetricsFileTests {
    private func write(_ file: String, as user: String? = nil) throws -> Outcome {
        let prefix =
            user.map { ["setpriv", "--reuid=\($0)", "--regid=\($0)", "--clear-groups"] } ?? []
        return try run(prefix + [Products.mptcpize, "metrics", "--output", file])
    }

    private func mode(_ file: String) -> Int {
        var status = stat()
        return lstat(file, &status) == 0 ? Int(status.st_mode) : 0
    }

    @Test("replaces the file as a whole, for everybody to read, and leaves nothing beside it")
    func replaced() throws {
        let folder = try TemporaryDirectory()
        let file = folder.file("mptcp.prom")
        try "old".write(toFile: file, atomically: false, encoding: .utf8)
        let reader = try #require(FileHandle(forReadingAtPath: file))
        // A umask of 077 is root's on many servers.
        let outcome = try run([
            "sh", "-c", "umask 077; exec \(Products.mptcpize) metrics --output \(file)",
        ])
        #expect(outcome.succeeded && outcome.output.isEmpty && outcome.errors.isEmpty, "\(outcome)")
        #expect(try String(contentsOfFile: file, encoding: .utf8).hasSuffix("# EOF\n"))
        #expect(mode(file) == Int(S_IFREG) | 0o644)
        // Who has opened the old one reads that to its end.
        #expect(reader.readDataToEndOfFile() == Data("old".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["mptcp.prom"])
    }

    @Test("a link of its name is replaced, not followed")
    func link() throws {
        let folder = try TemporaryDirectory()
        let victim = folder.file("victim")
        try "precious".write(toFile: victim, atomically: false, encoding: .utf8)
        let file = folder.file("mptcp.prom")
        #expect(symlink(victim, file) == 0)
        #expect(try write(file).succeeded)
        #expect(try String(contentsOfFile: victim, encoding: .utf8) == "precious")
        #expect(mode(file) == Int(S_IFREG) | 0o644)
    }

    @Test(
        "what cannot be written is said in one line, and nothing is left",
        arguments: ["missing/mptcp.prom", "folder", "fifo", "/dev/stdout", "/dev/null", "folder/"])
    func refused(_ name: String) throws {
        let folder = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: folder.file("folder"), withIntermediateDirectories: false)
        #expect(mkfifo(folder.file("fifo"), 0o600) == 0)
        let before = mode("/dev/stdout")
        let outcome = try write(name.hasPrefix("/") ? name : folder.file(name))
        #expect([1, 64].contains(outcome.status), "\(outcome)")
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome)")
        #expect(outcome.errors.hasPrefix("mptcpize: "))
        #expect(mode("/dev/stdout") == before)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
                == ["fifo", "folder"])
    }

    @Test("a full disk leaves the old file", .requires(.mounts))
    func full() throws {
        let folder = try TemporaryDirectory()
        let outcome = try run([
            "unshare", "--mount", "sh", "-c",
            """
            mount -t tmpfs -o size=16k tmpfs \(folder.path) && cd \(folder.path) &&
            echo old >mptcp.prom && head -c 8192 /dev/zero >ballast &&
            ! \(Products.mptcpize) metrics --output mptcp.prom && ls -A && cat mptcp.prom
            """,
        ])
        #expect(outcome.succeeded, "\(outcome)")
        #expect(outcome.output == "ballast\nmptcp.prom\nold\n", "\(outcome)")
        #expect(outcome.errors.contains("No space left") || outcome.errors.contains("no space"))
    }
}
