import Foundation
import TestSupport
import Testing

/// What `make bench` prints, and what fails where a budget is exceeded.
@Suite("Measuring", .requires(.command("python3")))
struct MeasuringTests {
    @Test(
        "a ratio is printed with the digits that tell it from others",
        arguments: [
            (0.00412, "0.0041"), (0.0951, "0.095"), (0.654, "0.65"), (1, "1.00"), (9.994, "9.99"),
            (15.07, "15.1"), (235.08, "235"), (0, "0"),
        ])
    func digits(ratio: Double, expected: String) throws {
        let script = "import render; print(render.number(\(ratio)))"
        let printed = try mustRun(
            ["python3", "-B", "-c", script], directory: Repository.path("scripts/benchmarks"))
        #expect(printed == "\(expected)\n")
    }

    @Test(
        "what exceeds its limit is named, with the limit and what to do",
        .requires(.namespaces))
    func exceeded() throws {
        let directory = try TemporaryDirectory()
        let path = Repository.path("Tests/budget.json")
        let text = try Data(contentsOf: URL(fileURLWithPath: path))
        var budget = try #require(
            JSONSerialization.jsonObject(with: text) as? [String: [String: Any]])
        for part in budget.keys { budget[part]?["limits"] = [String: Int]() }
        budget["bytes"]?["limits"] = ["libexec/mptcpize": 1000]
        budget["descriptors left in the program"]?["limits"] = ["mptcpize run": 0]
        let file = directory.file("budget.json")
        try JSONSerialization.data(withJSONObject: budget).write(to: URL(fileURLWithPath: file))
        let outcome = try run(
            [Repository.path("scripts/check-budget"), file],
            environment: ["MPTCPIZE_BUILD": Products.directory])
        #expect(outcome.status == 1)
        let line =
            /check-budget: bytes: libexec\/mptcpize: \d+ exceeds 1000: compare with .*; or raise it in budget.json, and say why\n/
        #expect(outcome.errors.wholeMatch(of: line) != nil, "\(outcome)")
        #expect(outcome.output.contains("mptcpize run: 0 (limit 0)"), "\(outcome)")
    }
}
