import TestSupport
import Testing

/// The supervisor at a terminal, under an interactive shell.
@Suite("Job control")
struct JobControlTests {
    @Test(
        "keys and jobs work as without it", .requires(.command("python3")),
        arguments: [
            "interrupt", "interrupt_default", "stop", "continue_once", "stop_alone",
            "read_in_background", "hang_up",
        ])
    func scenario(name: String) throws {
        let directory = try TemporaryDirectory()
        let outcome = try run([
            "python3", Repository.path("Tests/Fixtures/job_control.py"), name, Driver.path,
            directory.path,
        ])
        #expect(outcome.succeeded, "\(outcome)")
    }
}
