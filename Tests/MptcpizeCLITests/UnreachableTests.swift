import Foundation
import TestSupport
import Testing

/// Programs that a preload library does not reach are run all the same, after one line.
@Suite("Programs that cannot be reached")
struct UnreachableTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Expects the program's own output and status, and one line that says why.
    private func expectNote(
        _ program: String, says: String, output: String, location: SourceLocation = #_sourceLocation
    ) throws {
        let outcome = try run([Products.mptcpize, "run", program])
        #expect(outcome.succeeded, sourceLocation: location)
        #expect(outcome.output == output, sourceLocation: location)
        #expect(outcome.errors.hasPrefix("mptcpize: \(program): "), sourceLocation: location)
        #expect(outcome.errors.contains(says), "\(outcome.errors)", sourceLocation: location)
        #expect(outcome.errors.count { $0 == "\n" } == 1, sourceLocation: location)
    }

    @Test(
        "static programs and AddressSanitizer's",
        arguments: [
            (Fixtures.Flavour.staticGlibc, "statically linked"), (.staticMusl, "statically linked"),
            (.addressSanitizer, "AddressSanitizer"),
        ])
    func programs(flavour: Fixtures.Flavour, says: String) throws {
        try expectNote(try Fixtures.program("greeting", flavour), says: says, output: "hello\n")
    }

    @Test("a note that nobody reads keeps no program from running", .requires(.command("python3")))
    func noReader() throws {
        let script = """
            import os, subprocess, sys
            reader, writer = os.pipe()
            os.close(reader)
            sys.exit(subprocess.run(sys.argv[1:], stderr=writer).returncode)
            """
        let outcome = try run([
            "python3", "-c", script, Products.mptcpize, "run",
            Fixtures.program("greeting", .staticGlibc),
        ])
        #expect(outcome.succeeded, "\(outcome)")
        #expect(outcome.output == "hello\n")
    }

    @Test("somebody who is not root is told who may, and what to type", .requires(.root))
    func notRoot() throws {
        chmod(directory.path, 0o755)
        let (mptcpize, program) = (directory.file("mptcpize"), directory.file("program"))
        try FileManager.default.copyItem(atPath: Products.wholeCommand, toPath: mptcpize)
        try FileManager.default.copyItem(
            atPath: try Fixtures.program("greeting", .staticGlibc), toPath: program)
        let somebody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", mptcpize]
        let auto = try run(somebody + ["run", program])
        #expect(auto.output == "hello\n")
        #expect(auto.errors.contains("`mptcpize run --mode bpf` reaches it (root"), "\(auto)")
        let bpf = try run(somebody + ["run", "--mode", "bpf", program])
        #expect(bpf.status == 125)
        #expect(bpf.output == "")
        #expect(
            bpf.errors
                == "mptcpize: BPF mode: needs root; try: sudo mptcpize run --mode bpf …\n")
    }

    @Test("a Go program that is too old", .requires(.command("go")))
    func go() throws {
        let program = try Fixtures.go(
            "hello",
            """
            package main

            import "os"

            func main() { os.Stdout.WriteString("hello\\n") }

            """)
        let version = try mustRun(["go", "env", "GOVERSION"]).dropLast()
        let minor = Int(version.split(separator: ".")[1]) ?? 0
        try expectNote(
            program, says: minor >= 21 ? "GODEBUG=multipathtcp=1" : "does not know MPTCP",
            output: "hello\n")
    }

    @Test(
        "set-uid and file capabilities, for somebody who is not root", .requires(.root),
        .requires(.command("setcap")))
    func privileges() throws {
        // The checkout may lie where others cannot go.
        chmod(directory.path, 0o755)
        let tree = directory.file("tree")
        try mustRun(["mkdir", tree])
        try mustRun(
            ["cp", "-a"] + Products.folders.map { "\(Products.directory)/\($0)" } + [tree])
        let mptcpize = "\(tree)/bin/mptcpize"
        let program = directory.file("program")
        try FileManager.default.copyItem(
            atPath: try Fixtures.program("greeting"), toPath: program)
        let somebody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        func note() throws -> String {
            let outcome = try run(somebody + [mptcpize, "run", program])
            #expect(outcome.output == "hello\n")
            return outcome.errors
        }
        chmod(program, 0o755)
        #expect(try note() == "")
        chmod(program, 0o4755)
        #expect(try note().contains("set-uid"))
        chmod(program, 0o2755)
        #expect(try note().contains("set-gid"))
        chmod(program, 0o755)
        try mustRun(["setcap", "cap_net_raw+p", program])
        #expect(try note().contains("file capabilities"))
        try mustRun(["setcap", "-r", program])
        chmod(program, 0o711)
        #expect(try note().contains("cannot be read"))
        // Whoever lends mptcpize privileges does not lend the choice of what it loads.
        chmod(mptcpize, 0o4755)
        let lent = try run(somebody + ["env", "MPTCPIZE_LIBRARY=/none", mptcpize, "run", "true"])
        #expect(lent.succeeded, "\(lent)")
        chmod(mptcpize, 0o755)
        // For root none of this changes privileges.
        chmod(program, 0o6755)
        #expect(try run([mptcpize, "run", program]).errors == "")
    }
}
