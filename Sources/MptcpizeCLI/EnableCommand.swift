import ArgumentParser
import Glibc
import LinuxSystem
import SystemdUnits

/// `mptcpize enable`: services and sockets of systemd over MPTCP, for good.
struct EnableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enable",
        abstract: "Put systemd units under MPTCP until they are disabled.",
        discussion: """
            Writes a drop-in, UNIT.d/50-mptcpize.conf, and has systemd read it. The unit's own \
            files are left alone. Programs started from then on use MPTCP; --now restarts those \
            that run, checks that they were reached, and takes everything back if they were not.

            For a socket unit, systemd itself listens with MPTCP (systemd 257 or newer). A service \
            behind it whose program is Python gets --protocol-as-tcp by itself.
            """)

    @OptionGroup var scope: ScopeOptions

    @Flag(help: "Restart what runs, and see that it was reached.")
    var now = false

    @Flag(help: "Until the next boot only.")
    var runtime = false

    @Flag(help: "Show what would be written where, and change nothing.")
    var dryRun = false

    @Option(help: "What makes a service's sockets MPTCP: preload, or bpf (Linux 6.6 or newer).")
    var mode = ServiceMode.preload

    @Flag(
        name: .customLong("protocol-as-tcp"),
        help: "Tell services that ask a socket for its protocol: TCP (see `mptcpize run`).")
    var protocolAsTCP = false

    @Argument(
        help: ArgumentHelp("A service, a socket, or the path of its file.", valueName: "unit"),
        completion: .units)
    var units: [String]

    func run() throws {
        let manager = try ServiceManager(scope.scope)
        if scope.scope == .system, geteuid() != 0, !dryRun {
            throw Failure(
                .failed, "enable", "only root may change the system's units",
                remedy: "use sudo, or --user for units of your own")
        }
        if protocolAsTCP, mode == .bpf {
            throw Failure(
                .usage, "enable",
                "--protocol-as-tcp is the preload library's: in the mode bpf there is none")
        }
        let enabling = Enabling(
            manager, locator: .host(environment: ProcessInput.environment),
            options: .init(
                restarts: now, isRuntime: runtime, mode: mode, protocolAsTCP: protocolAsTCP))
        let steps = try enabling.plan(units)
        if dryRun {
            for step in steps {
                try Console.output("# \(step.path)\n" + enabling.preview(step))
            }
            return
        }
        try enabling.carryOut(steps)
        for step in steps {
            try Console.output(message(step, now || (try enabling.isReached(step)), manager))
            guard let service = try enabling.unmendedService(step) else { continue }
            try Console.output(
                "    options that MPTCP sockets refuse are mended in \(service) after "
                    + manager.command("mptcpize", "enable", service))
        }
    }

    private func message(
        _ step: Enabling.Step, _ reached: Bool, _ manager: ServiceManager
    ) -> String {
        let name = step.unit.name
        let done = "\(name): \(step.isDone ? "was enabled already" : "enabled") (\(step.path))"
        if !step.unit.isActive { return done }
        return done + "; "
            + (reached
                ? "what runs uses MPTCP"
                : "what runs uses MPTCP after " + manager.command("systemctl", "restart", name))
    }
}

extension ServiceMode: ExpressibleByArgument {}

/// Whose systemd a verb is about.
struct ScopeOptions: ParsableArguments {
    @Flag(help: "Units of your own systemd, not of the system's.")
    var user = false

    var scope: ManagerScope { user ? .user : .system }
}
