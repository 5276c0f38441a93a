import Glibc
import Launch
import LinuxSystem
import RunInput
import Supervision

/// The program that is installed as `mptcpize`. It does one thing by itself, because every start
/// of a program pays for it: `run` by the preload library, watched or not, if there is nothing else
/// to say. For all else it becomes the whole command (`MptcpizeCLI`), which decides anew; so no
/// message, no failure and no other way into a program is its own.
///
/// scripts/build-start compiles it, with the modules that it imports, as Embedded Swift and links
/// it statically: to load and start the Swift runtime takes as long as starting a program.
@main
struct MptcpizeStart {
    static func main() {
        let words = ProcessInput.arguments
        if words.count > 1, words[1] == Bytes("run".utf8) { run(Array(words.dropFirst(2))) }
        let failure = becomeWholeCommand(words)
        try? writeAll("\(failure.message)\n".utf8, to: STDERR_FILENO)
        exit(failure.status.rawValue)
    }

    /// Replaces this process with the program that is to be run, or stays its parent and ends as it
    /// ends; returns if the whole command is to do so, or to say why nobody can.
    private static func run(_ words: [Bytes]) {
        let environment = ProcessInput.environment
        guard let run = try? RunArguments(words), !run.help, run.mode.preloads,
            let policy = try? run.policy(environment: environment),
            let plan = try? run.plan(policy, environment: environment), plan.isComplete
        else { return }
        guard run.isWatched else {
            _ = plan.execute()
            return
        }
        try? Supervisor.run(plan, options: SupervisorOptions(run)).reproduce()
    }

    /// - Returns: Only when that failed: why.
    private static func becomeWholeCommand(_ words: [Bytes]) -> Failure {
        guard let command = Installation().wholeCommand else {
            return Failure(
                .own, "libexec/mptcpize", "not found beside bin/mptcpize, nor in /usr",
                remedy: "copy bin, lib and libexec together, or install mptcpize again")
        }
        // A file that was cut short is no script.
        let failure = LaunchPlan(
            executable: command.cString, arguments: words.map { $0.cString },
            environment: ProcessInput.environment.map { $0.cString }, notes: []
        ).execute(byShell: false)
        return Failure(
            .own, failure.object, failure.reason, remedy: "install mptcpize again")
    }
}
