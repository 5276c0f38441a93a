import Foundation
import TestSupport
import Testing

@Suite("What cannot be run")
struct BadInputTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Expects one line on standard error, and nothing else to have happened.
    private func expectFailure(
        _ words: [String], _ status: Int32, says: [String], environment: [String: String?] = [:],
        location: SourceLocation = #_sourceLocation
    ) throws {
        let outcome = try run(
            [Products.mptcpize] + words, environment: environment, directory: directory.path)
        #expect(outcome.end == .exited(status), sourceLocation: location)
        #expect(outcome.output == "", sourceLocation: location)
        #expect(outcome.errors.hasPrefix("mptcpize: "), sourceLocation: location)
        #expect(outcome.errors.hasSuffix("\n"), sourceLocation: location)
        #expect(outcome.errors.count { $0 == "\n" } == 1, sourceLocation: location)
        for text in says {
            #expect(outcome.errors.contains(text), "\(outcome.errors)", sourceLocation: location)
        }
    }

    @Test("a program that is not there", arguments: [[], ["--report"], ["-d"]])
    func notFound(options: [String]) throws {
        try expectFailure(
            ["run"] + options + ["no-such-program"], 127, says: ["no-such-program", "PATH"])
        try expectFailure(["run"] + options + ["./none"], 127, says: ["./none"])
        try expectFailure(["run"] + options + [""], 127, says: ["''"])
        try expectFailure(["run"] + options + ["a\n\u{1B}[31m"], 127, says: [#"a\n\x1b[31m"#])
    }

    @Test("a file that is no program, a directory", arguments: [[], ["--report"], ["-d"]])
    func notExecutable(options: [String]) throws {
        try directory.write("x", to: "plain")
        try expectFailure(
            ["run"] + options + ["./plain"], 126, says: ["./plain", "Permission denied"])
        try expectFailure(["run"] + options + ["/tmp"], 126, says: ["/tmp", "is a directory"])
    }

    @Test("a script whose interpreter is missing")
    func noInterpreter() throws {
        try directory.write("#!/no/such/thing -x\n", to: "script", mode: 0o755)
        try expectFailure(["run", "./script"], 127, says: ["./script", "/no/such/thing"])
    }

    @Test("a program of a machine that this is not", arguments: [[], ["--report"]])
    func foreign(options: [String]) throws {
        // Only the header is looked at before the kernel says ENOEXEC.
        var program = try Data(contentsOf: URL(fileURLWithPath: "/bin/true"))
        program[18] = 0xF3
        program[19] = 0x7F
        try program.write(to: URL(fileURLWithPath: directory.file("alien")))
        chmod(directory.file("alien"), 0o755)
        let outcome = try run(
            [Products.mptcpize, "run"] + options + ["./alien"], directory: directory.path)
        #expect(outcome.status == 126)
        #expect(outcome.errors.contains("Exec format error"))
        #expect(outcome.errors.contains("no preload library for these"))
        #expect(outcome.output == "")
    }

    @Test("more arguments than the kernel takes", arguments: [[], ["--report"]])
    func tooLong(options: [String]) throws {
        // The limit for all is at least 6 MiB (3/4 of _STK_LIM) below any stack limit; for
        // one it is 128 KiB (MAX_ARG_STRLEN), and LD_PRELOAD grows past it by our name.
        let value = String(repeating: "x", count: 128 * 1024 - 20)
        try expectFailure(
            ["run"] + options + ["true"], 126, says: ["longer than the kernel allows"],
            environment: ["LD_PRELOAD": value])
    }

    @Test("a command line that makes no sense")
    func usage() throws {
        try expectFailure(["run"], 64, says: ["no program given", "run --help"])
        try expectFailure(["run", "--bogus", "true"], 64, says: ["--bogus"])
        try expectFailure(["--bogus"], 64, says: ["--bogus", "mptcpize --help"])
        try expectFailure(["nosuchverb"], 64, says: ["nosuchverb"])
        try expectFailure(["nosuch\nverb"], 64, says: [#"nosuch\nverb"#])
    }

    @Test("a report file that cannot be written stops the program from starting")
    func unwritable() throws {
        let trace = directory.file("trace")
        for output in ["/nonexistent/report", directory.path] {
            try expectFailure(["run", "-o", output, "touch", trace], 125, says: [output, "-o"])
        }
        #expect(access(trace, F_OK) != 0)
    }

    @Test("rules that are in no file, or in a folder")
    func noRules() throws {
        try expectFailure(
            ["run", "--policy", "", "true"], 125, says: ["'': ", "no such file", "--policy none"])
        try expectFailure(
            ["run", "--policy", "/etc", "true"], 125,
            says: ["/etc: ", "is a directory", "give a file"])
    }

    @Test("more open files than the limit allows", arguments: [("preload", 4), ("seccomp", 8)])
    func fewFiles(mode: String, limit: Int) throws {
        let script = #"ulimit -n "$2"; exec "$0" run --report --mode "$1" true"#
        let outcome = try run(["sh", "-c", script, Products.mptcpize, mode, "\(limit)"])
        #expect(outcome.status == 125)
        #expect(outcome.errors.contains("Too many open files; raise the limit with ulimit -n"))
    }

    @Test("no library, or the wrong one")
    func library() throws {
        let trace = directory.file("trace")
        func expect(_ library: String, says: [String]) throws {
            try expectFailure(
                ["run", "touch", trace], 125, says: says, environment: ["MPTCPIZE_LIBRARY": library]
            )
        }
        try expect("/no/such.so", says: ["/no/such.so", "MPTCPIZE_LIBRARY"])
        try expect(Products.library(.i386), says: ["i386", "MPTCPIZE_LIBRARY"])
        try expect(directory.path, says: ["\(directory.path)/"])
        try expect(try directory.write("x", to: "text"), says: ["not a preload library"])
        let spaced = directory.file("with space.so")
        try FileManager.default.copyItem(atPath: Products.library(), toPath: spaced)
        try expect(spaced, says: [spaced, "space"])
        #expect(access(trace, F_OK) != 0)
    }

    @Test("an mptcpize that was torn from its libraries says where it looked")
    func torn() throws {
        let copy = directory.file("mptcpize")
        try FileManager.default.copyItem(atPath: Products.wholeCommand, toPath: copy)
        // A distribution's own library would be found instead.
        let installed = ["/usr/local", "/usr"].contains {
            access(
                "\($0)/lib/\(Products.Architecture.native.multiarch)/mptcpize/libmptcpize.so", F_OK)
                == 0
        }
        let outcome = try run([copy, "run", "true"])
        #expect(outcome.status == (installed ? 0 : 125))
        if !installed {
            #expect(outcome.errors.contains("\(directory.path)/libmptcpize-preload.so"))
            #expect(outcome.errors.contains("/usr/lib/"))
        }
    }

    @Test("version and help go to standard output; a full one is an error")
    func output() throws {
        #expect(try mustRun([Products.mptcpize, "--version"]).hasPrefix("mptcpize "))
        for words in [["--help"], ["run", "--help"], ["help", "run"], ["run", "-d", "-h"]] {
            let outcome = try run([Products.mptcpize] + words)
            #expect(outcome.succeeded)
            #expect(outcome.output.contains("USAGE: mptcpize"))
            #expect(outcome.errors == "")
        }
        let outcome = try run(
            ["/bin/sh", "-c", "\"$1\" --version >/dev/full", "sh", Products.mptcpize])
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("No space left"))
    }
}
