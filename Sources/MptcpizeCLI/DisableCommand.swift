import ArgumentParser
import Glibc
import MptcpizeCore

/// `mptcpize disable`: units as they were before `enable`.
struct DisableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disable",
        abstract: "Take back what enable did to systemd units.",
        discussion: """
            Removes the drop-in that `mptcpize enable` wrote, and has systemd read that. \
            Programs that run keep their sockets until they are restarted, which --now does.
            """)

    @OptionGroup var scope: ScopeOptions

    @Flag(help: "Restart what runs.")
    var now = false

    @Argument(
        help: ArgumentHelp("A service, a socket, or the path of its file.", valueName: "unit"))
    var units: [String]

    func run() throws {
        let manager = try ServiceManager(scope.scope)
        if scope.scope == .system, geteuid() != 0 {
            throw Failure(
                .failed, "disable", "only root may change the system's units",
                remedy: "use sudo, or --user for units of your own")
        }
        for step in try Disabling(manager).carryOut(units, restarts: now) {
            guard !step.removed.isEmpty else {
                try Console.output("\(step.unit): was not enabled")
                continue
            }
            var message = "\(step.unit): disabled (\(step.removed.joined(separator: ", ")) removed)"
            if !now, let running = step.running.first {
                message += "; it uses TCP after " + manager.command("systemctl", "restart", running)
            }
            try Console.output(message)
        }
    }
}
