import ArgumentParser
import Glibc
import LinuxSystem
import RunInput

/// The command `mptcpize`. Each verb has one file, which parses, calls a module and renders.
@main
struct Mptcpize: ParsableCommand {
    static let versionNumber = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "mptcpize",
        abstract: "Let existing programs use Multipath TCP without changing them.",
        version: "mptcpize \(versionNumber)",
        subcommands: [
            RunCommand.self, EnableCommand.self, DisableCommand.self, StatusCommand.self,
            BPFCommand.self, SocketsCommand.self, CheckCommand.self, PolicyCommand.self,
            MetricsCommand.self, EventsCommand.self,
        ])

    static func main() {
        let words = ProcessInput.arguments.dropFirst()
        do {
            try start(words)
        } catch let failure as Failure {
            finish(with: failure)
        } catch let status as ExitCode {
            Glibc.exit(status.rawValue)
        } catch {
            finish(with: error)
        }
    }

    private static func start(_ words: ArraySlice<Bytes>) throws {
        if words.first == Bytes("run".utf8) {
            let run = try RunArguments(Array(words.dropFirst()))
            if !run.help { try RunCommand.start(run, environment: ProcessInput.environment) }
        }
        // Not parseAsRoot(nil), which takes them from /proc.
        var command = try parseAsRoot(DashedUnits.asArguments(words.map(\.text)))
        try command.run()
    }

    private static func finish(with failure: Failure) -> Never {
        Console.error(failure.message)
        Glibc.exit(failure.status.rawValue)
    }

    /// What ArgumentParser throws: help and version, for standard output, or a
    /// command line that makes no sense.
    private static func finish(with error: any Error) -> Never {
        guard exitCode(for: error) == .success else {
            // A sentence, in some; the remedy follows it.
            let words = message(for: error)
            let reason = words.hasSuffix(".") ? String(words.dropLast()) : words
            finish(
                with: Failure(.usage, "command line", reason, remedy: "see `mptcpize --help`"))
        }
        do {
            try Console.output(fullMessage(for: error))
        } catch {
            finish(with: error)
        }
        Glibc.exit(EXIT_SUCCESS)
    }
}
