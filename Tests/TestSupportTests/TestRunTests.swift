import Foundation
import TestSupport
import Testing

/// What scripts/test does with the tests once they are built, with a program in their place.
@Suite("A run of the tests", .requires(.command("python3")))
struct TestRunTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private var started: String { folder.file("started") }

    private func start(_ tests: [String], _ arguments: [String] = []) throws -> Background {
        try Background(
            ["python3", "-B", Repository.path("scripts/testing")] + [
                "--run", Repository.path("Tests/Fixtures/test_bundle.py"), folder.path,
            ] + arguments,
            environment: ["TESTS": tests.joined(separator: " "), "STARTED": started])
    }

    @Test("each line says its tier; what failed comes last, and then how many")
    func summary() throws {
        let outcome = try start([
            "KernelTests.FirstTests/passes()", "PreloadTests.SecondTests/passes()",
            "PreloadTests.SecondTests/fails()", "SomeTests.OtherTests/skipped()",
        ]).wait()
        #expect(outcome.status == 1, "\(outcome)")
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(lines.contains("kernels  │ ✔ Test KernelTests.FirstTests/passes() ended."))
        #expect(!outcome.output.contains("Test run"), "\(outcome)")
        #expect(lines.contains { $0.hasPrefix("preload         1       1        0 ") })
        #expect(lines.contains("       1  needs a unicorn"), "\(outcome)")
        #expect(
            lines.suffix(5) == [
                "What failed:", "  PreloadTests.SecondTests/fails()", "      File.swift:7",
                "      expected more", "2 passed, 1 failed, 1 skipped",
            ], "\(outcome)")
    }

    @Test("two processes run at a time, of one tier too")
    func sideBySide() throws {
        let outcome = try start([
            "SystemdTests.OneTests/meets()", "SystemdTests.OtherTests/meets()",
        ]).wait()
        #expect(outcome.succeeded, "\(outcome)")
        #expect(outcome.output.hasSuffix("\n2 passed, 0 failed, 0 skipped\n"), "\(outcome)")
    }

    @Test("a process that crashes fails the test it was at and those behind it, and no others")
    func crash() throws {
        let outcome = try start([
            "NetworkTests.ThirdTests/crashes()", "NetworkTests.ThirdTests/passes()",
            "NetworkTests.OtherTests/passes()",
        ]).wait()
        #expect(outcome.status == 1)
        let end = """
              NetworkTests.ThirdTests/crashes()
                  began, and did not end
              NetworkTests.ThirdTests/passes()
                  did not begin

            1 passed, 2 failed, 0 skipped

            """
        #expect(outcome.output.hasSuffix(end), "\(outcome)")
    }

    @Test("only the tiers that are named run; a wrong name is one line")
    func tiers() throws {
        let tests = [
            "KernelTests.FirstTests/fails()", "PreloadTests.SecondTests/passes()",
            "SomeTests.OtherTests/passes()", "AnyTests.OtherTests/passes()",
        ]
        let quick = try start(tests, ["quick"]).wait()
        #expect(quick.output.hasSuffix("\n3 passed, 0 failed, 0 skipped\n"), "\(quick)")
        let unit = try start(tests, ["unit"]).wait()
        #expect(unit.output.hasSuffix("\n2 passed, 0 failed, 0 skipped\n"), "\(unit)")
        let none = try start(tests, ["systemd"]).wait()
        #expect(none.status == 1 && none.errors == "test: no test ran\n", "\(none)")
        let wrong = try start(tests, ["kernel"]).wait()
        #expect(wrong.status == 1)
        #expect(wrong.errors.hasPrefix("test: kernel: no such tier; the tiers are: unit "))
        #expect(wrong.errors.split(separator: "\n").count == 1, "\(wrong)")
    }

    @Test(
        "whoever ends it, or kills who started it, ends all that the tests have started",
        arguments: [SIGINT, SIGTERM, SIGKILL])
    func interrupted(signal: Int32) throws {
        let script = "\"$@\" & wait"
        let runner = try Background(
            ["sh", "-c", script, "sh", "python3", "-B", Repository.path("scripts/testing")] + [
                "--load", "1", "--run", Repository.path("Tests/Fixtures/test_bundle.py"),
                folder.path,
            ],
            environment: ["TESTS": "KernelTests.FirstTests/waits()", "STARTED": started])
        var pids: [pid_t] = []
        try runner.require("has begun a test") {
            let text = (try? String(contentsOfFile: started, encoding: .utf8)) ?? ""
            pids = text.split(whereSeparator: \.isWhitespace).compactMap { pid_t($0) }
            return pids.count == 2
        }
        if signal == SIGKILL {
            runner.signal(signal)  // the shell alone
        } else {
            let children = "/proc/\(runner.pid)/task/\(runner.pid)/children"
            let text = try String(contentsOfFile: children, encoding: .utf8)
            kill(try #require(pid_t(text.trimmingCharacters(in: .whitespaces))), signal)
        }
        #expect(poll(within: .seconds(30)) { pids.allSatisfy { kill($0, 0) != 0 } })
        runner.signal(SIGKILL, group: true)
    }
}
