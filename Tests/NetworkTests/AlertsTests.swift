import TestSupport
import Testing

@Suite("Alerts", .requires(.prometheus))
struct AlertsTests {
    @Test("docs/alerts.yml fires for what goes wrong, and is silent otherwise")
    func rules() throws {
        let check = try run(["promtool", "check", "rules", Repository.path("docs/alerts.yml")])
        #expect(check.succeeded, "\(check)")
        let trial = try run([
            "promtool", "test", "rules", Repository.path("Tests/Fixtures/alerts_test.yml"),
        ])
        #expect(trial.succeeded, "\(trial)")
    }
}
