import ArgumentParser
import MptcpizeCore

/// `mptcpize run`: what ArgumentParser shows of it. `RunArguments` does the parsing.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a program whose TCP sockets become MPTCP where possible.",
        usage: """
            mptcpize run [-d] [--report] [--json] [-o <file>] [--mode <mode>] [--strict] [--] \
            <program> [<argument> ...]
            """,
        discussion: """
            The program and all that follows it is left untouched. Without -d and --report, \
            mptcpize replaces itself by the program, so that no process stays behind.

            A program that cannot be reached is run all the same, over TCP, after one line \
            on standard error that says why.

            Exit status: the program's; 127 when it was not found, 126 when it cannot be \
            executed, 125 when mptcpize itself failed, 64 for a command line that makes no \
            sense.
            """)

    @Flag(name: .shortAndLong, help: "Say on standard error what becomes of each socket.")
    var debug = false

    @Flag(help: "When the program has ended, report what its sockets were on the wire.")
    var report = false

    @Flag(help: "Report as a JSON document.")
    var json = false

    @Option(
        name: .shortAndLong, help: "The file for the report, instead of standard error.",
        completion: .file())
    var output: String?

    @Option(help: "How to reach the program's sockets: auto or preload.")
    var mode = "auto"

    @Flag(help: "Apply no remedies: what the kernel refuses, the program is told.")
    var strict = false

    @Argument(help: "The program, searched for in PATH unless it has a slash.")
    var program: String

    @Argument(parsing: .captureForPassthrough, help: "The program's arguments.")
    var argument: [String] = []
}

extension RunCommand {
    /// Runs the program in this process's place, or as a child that is watched.
    ///
    /// - Returns: Never, but by failing.
    static func start(_ arguments: RunArguments, environment: [Bytes]) throws(Failure) {
        let launcher = Launcher(
            system: HostSystem(), locator: .host(environment: environment))
        let plan = try launcher.plan(
            LaunchRequest(
                arguments: arguments.program, environment: environment, strict: arguments.strict))
        for note in plan.notes { Console.error("mptcpize: \(note)") }
        guard let options = arguments.watch else { throw plan.failure(plan.execute()) }
        try Supervisor.run(plan, options: options).reproduce()
    }
}
