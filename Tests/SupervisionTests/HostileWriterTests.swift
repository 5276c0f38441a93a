import Foundation
import TestSupport
import Testing

/// Whatever a process writes into the ring, the supervisor does what it is there for.
@Suite("Hostile writers of the ring")
struct HostileWriterTests {
    /// What Tests/Fixtures/ring_nonsense.c knows.
    static let kinds = [
        "holders", "processes", "sockets", "closes", "forks", "images", "forking", "execs",
        "remedies", "numbers", "unreached", "random", "header",
    ]

    /// Built to be 100 ms; whoever runs tests has other work too. Work in proportion to what the
    /// ring has told takes minutes here.
    private static let patience = Duration.seconds(5)

    @Test("signals and the end of the program are seen in the midst of nonsense", arguments: kinds)
    func nonsense(kind: String) throws {
        let directory = try TemporaryDirectory()
        let program = try Background([
            Driver.path, "--json", "-o", directory.file("report"),
            try Fixtures.program(
                "ring_nonsense", flags: ["-I", Repository.path("Sources/SocketEvents/include")]),
            kind, "\(1 << 20)",
        ])
        var signals = 0
        for milestone in ["half", "done"] {
            try program.waitUntilItPrints(milestone, timeout: .seconds(120))
            for _ in 0..<3 {
                signals += 1
                program.signal(SIGUSR1)
                try program.require("signal \(signals)", Self.patience) {
                    program.output.components(separatedBy: "signal\n").count > signals
                }
            }
        }
        let child = try #require(children(of: program.pid).first)
        program.signal(SIGTERM)
        try program.require("passes on SIGTERM", Self.patience) {
            children(of: program.pid).isEmpty || state(of: child) == "Z"
        }
        // With a million sockets, the report takes its time.
        #expect(program.wait(timeout: .seconds(120)).end == .signalled(SIGTERM))
        let report = try Data(contentsOf: URL(fileURLWithPath: directory.file("report")))
        #expect(try JSONSerialization.jsonObject(with: report) is [String: Any])
    }

    private func children(of pid: pid_t) -> [String] {
        let text = try? String(
            contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
        return (text ?? "").split(separator: " ").map(String.init)
    }

    private func state(of pid: String) -> String? {
        let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        return text?.split(separator: ")").last?.split(separator: " ").first.map(String.init)
    }
}
