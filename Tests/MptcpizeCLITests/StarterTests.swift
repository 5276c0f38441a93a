import Foundation
import TestSupport
import Testing

/// bin/mptcpize where it is the program that starts others: it does what the whole command does.
@Suite("The program that starts others", .requires(.starter))
struct StarterTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// What is installed, without the whole command.
    private func withoutWholeCommand() throws -> String {
        for part in ["bin", "lib"] {
            try mustRun(["cp", "-a", "\(Products.directory)/\(part)", directory.path])
        }
        return directory.file("bin/mptcpize")
    }

    @Test(
        "both programs say and do the same",
        arguments: [
            ["run", "env"], ["run", "--", "env"], ["run", "--mode", "preload", "env"],
            ["run", "--strict", "--protocol-as-tcp", "env"], ["run", "--keep-tcp", "env"],
            ["run", "--policy", "none", "--rule", "tcp connect loopback *", "env"],
            ["run", "--rule", "no rule", "env"], ["run", "--policy", "/no/such", "env"],
            ["run", "-d", "true"], ["run", "--report", "true"], ["run", "--mode", "none", "true"],
            ["run", "/no/such"], ["run", "no-such-program"], ["run", "/etc/passwd"],
            ["run", "/etc"], ["run", "--help"], ["run"], ["run", ""], ["run", "--no-such", "true"],
            ["run", "sh", "-c", "kill -9 $$"], ["run", "sudo"], ["run", "printf", "%s|", "", "-d"],
            ["--help"], ["--version"], [], [""], ["no-verb"], ["run\u{301}", "true"],
        ])
    func same(words: [String]) throws {
        let environments: [[String: String?]] = [
            [:], ["LD_PRELOAD": "libm.so.6:", "GODEBUG": "x=1,", "XDG_CONFIG_HOME": "relative"],
            ["MPTCPIZE_LIBRARY": "/no/such"], ["PATH": nil, "LD_PRELOAD": Products.library()],
        ]
        for environment in environments {
            let starter = try run([Products.mptcpize] + words, environment: environment)
            let whole = try run([Products.wholeCommand] + words, environment: environment)
            #expect(starter.end == whole.end, "\(environment)")
            #expect(starter.errors == whole.errors, "\(environment)")
            // Two runs of a test do not have their variables in the same order.
            let lines = [starter, whole].map { $0.output.split(separator: "\n").sorted() }
            #expect(lines[0] == lines[1], "\(environment)")
        }
    }

    @Test("programs of every kind are told the same of")
    func kinds() throws {
        var programs = try [Fixtures.Flavour.glibc, .i386, .musl, .staticGlibc, .staticMusl].map {
            try Fixtures.program("greeting", $0)
        }
        let lines = [
            "#!/bin/sh", "#!/usr/bin/env sh", "#!/usr/bin/env -S -i sh", "#!/no/such", "echo shell",
        ]
        for (number, line) in lines.enumerated() {
            let file = try directory.write("\(line)\necho script\n", to: "script\(number)")
            chmod(file, 0o755)
            programs.append(file)
        }
        for program in programs {
            let starter = try run([Products.mptcpize, "run", "--mode", "preload", program])
            let whole = try run([Products.wholeCommand, "run", "--mode", "preload", program])
            #expect(starter.end == whole.end && starter.outputBytes == whole.outputBytes)
            #expect(starter.errors == whole.errors, "\(program)")
        }
    }

    @Test("it starts programs alone, under rules too, and what it cannot do alone it says")
    func alone() throws {
        let starter = try withoutWholeCommand()
        #expect(try run([starter, "run", "echo", "started"]).output == "started\n")
        let rule = ["--policy", "none", "--rule", "tcp connect loopback *"]
        #expect(try mustRun([starter, "run"] + rule + ["env"]).contains("MPTCPIZE_POLICY=v1;tcp_"))
        let report = try run([starter, "run", "--report", "true"]).errors
        #expect(report.hasPrefix("The program opened no"))
        // Installed on this machine, another one's whole command would be found.
        let installed = ["/usr/local", "/usr"].contains {
            access("\($0)/libexec/mptcpize", X_OK) == 0
        }
        guard !installed else { return }
        for words in [["run", "--report", "/no/such"], ["run", "/no/such"], ["status"]] {
            let outcome = try run([starter] + words)
            #expect(outcome.status == 125)
            #expect(outcome.errors.hasPrefix("mptcpize: libexec/mptcpize: not found"))
        }
        // Nor does it go round in a circle where it is in the place of the whole command.
        let whole = directory.file("libexec/mptcpize")
        try mustRun(["mkdir", directory.file("libexec")])
        for command in [["cp"], ["ln", "-f"], ["ln", "-sf"]] {
            try mustRun(command + [starter, whole])
            for program in [whole, starter] {
                #expect(try run([program, "status"]).status == 125, "\(command)")
            }
        }
    }

    @Test(
        "what is wrong with the whole command is said",
        arguments: ["chmod 644", "truncate -s 0"])
    func spoilt(command: String) throws {
        let starter = try withoutWholeCommand()
        let whole = directory.file("libexec/mptcpize")
        try mustRun(["mkdir", directory.file("libexec")])
        try mustRun(["cp", Products.wholeCommand, whole])
        try mustRun(command.split(separator: " ").map(String.init) + [whole])
        let outcome = try run([starter, "--version"])
        #expect(outcome.status == 125 && outcome.output == "", "\(outcome)")
        #expect(outcome.errors.hasPrefix("mptcpize: \(whole): "), "\(outcome)")
        #expect(outcome.errors.hasSuffix("; install mptcpize again\n"), "\(outcome)")
    }

    @Test("the whole command is found through a link, by a relative name, and without /proc")
    func found() throws {
        let version = try mustRun([Products.wholeCommand, "--version"])
        let link = directory.file("other-name")
        try mustRun(["ln", "-s", Products.mptcpize, link])
        #expect(try mustRun([link, "--version"]) == version)
        let relative = try run(
            ["./bin/mptcpize", "--version"], directory: Products.directory)
        #expect(relative.output == version)
        guard Requirement.mounts.isMet() else { return }
        // As in a chroot of a service's.
        let script = "mount -t tmpfs none /proc && \"$0\" --version && \"$0\" run echo started"
        let blind = try mustRun(["unshare", "--mount", "sh", "-c", script, Products.mptcpize])
        #expect(blind == version + "started\n")
    }

    @Test("reports are the same, whoever makes them", .requires(.command("python3")))
    func reports() throws {
        let script = """
            import os, socket
            kept = [socket.socket() for _ in range(100)]
            kept.pop().close()
            os._exit(3)
            """
        // What JSON escapes, what it does not, and what a terminal would obey.
        let program = ["python3", "-c", script, "é😀\u{85}\u{1B}\"\\"]
        for options in [["--report"], ["-d"], ["--json"], ["-d", "--report", "--strict"]] {
            let outcomes = try [Products.mptcpize, Products.wholeCommand].map {
                try run([$0, "run"] + options + program)
            }
            // Which process it was, they need not agree on, nor on how wide its column is.
            let said = outcomes.map { outcome in
                outcome.errors.replacing(#/[0-9]+/#, with: "N").split { $0.isWhitespace }
            }
            #expect(outcomes.allSatisfy { $0.end == .exited(3) })
            #expect(said[0] == said[1], "\(options)")
            #expect(outcomes[0].errors.contains("python3"), "\(options)")
        }
    }

    @Test("a report does not call it a program that was not reached")
    func reported() throws {
        let file = directory.file("report")
        try mustRun([
            Products.mptcpize, "run", "--json", "-o", file, "sh", "-c",
            "\"$0\" run true; \"$0\" --version; :", Products.mptcpize,
        ])
        let report = try String(contentsOfFile: file, encoding: .utf8)
        #expect(!report.contains("\"static\""), "\(report)")
        let nested = try run([Products.mptcpize, "run", Products.mptcpize, "run", "true"])
        #expect(nested.succeeded && nested.errors == "", "\(nested)")
    }
}
