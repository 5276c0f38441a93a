import ArgumentParser
import ConnectionPolicy
import Glibc
import Launch
import LinuxSystem
import ServiceControl
import ServiceStatus
import SystemdUnits
import TextOutput

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

    @Flag(help: "With --now, keep what works where a part of a unit is not reached.")
    var allowPartial = false

    @Flag(help: "Change nothing; show what would be written where, or what would change (--json).")
    var dryRun = false

    @Flag(help: "Write one JSON document.")
    var json = false

    @Option(help: "What makes a service's sockets MPTCP: preload, or bpf (Linux 6.6 or newer).")
    var mode = ServiceMode.preload

    @Flag(
        name: .customLong("protocol-as-tcp"),
        help: "Tell services that ask a socket for its protocol: TCP (see `mptcpize run`).")
    var protocolAsTCP = false

    @OptionGroup var policy: PolicyOptions

    @Argument(
        help: ArgumentHelp(
            "A service, a socket, a slice, or the path of its file.", valueName: "unit"),
        completion: .units)
    var units: [String]

    func validate() throws {
        if allowPartial, !now { throw ValidationError("--allow-partial goes with --now.") }
    }

    func run() throws {
        do throws(Failure) {
            try enable()
        } catch {
            if json { try Console.output(UnitChange.document([], failure: error)) }
            throw error
        }
    }

    private func enable() throws(Failure) {
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
        let places = policy.places.absolute
        let enabling = Enabling(
            manager, locator: .host(environment: ProcessInput.environment),
            options: .init(
                restarts: now, isRuntime: runtime, mode: mode, protocolAsTCP: protocolAsTCP,
                policy: places, allowsPartial: allowPartial))
        let steps = try enabling.plan(units)
        if dryRun, json {
            return try Console.output(UnitChange.document(steps.map(\.change)))
        }
        if dryRun {
            for step in steps {
                try Console.output("# \(step.path)\n" + enabling.preview(step))
            }
            return
        }
        let outcomes = try enabling.carryOut(steps)
        if json {
            return try Console.output(
                UnitChange.document(outcomes.map { $0.change(of: manager) }))
        }
        for outcome in outcomes {
            try Console.output(message(outcome, manager))
            if let daemon = outcome.step.unit.containerDaemon {
                try Console.output("    \(daemon.reason): `\(daemon.command)`")
            }
            guard let service = try enabling.unmendedService(outcome.step) else { continue }
            try Console.output(
                "    options that MPTCP sockets refuse are mended in \(service) after "
                    + manager.command("mptcpize", "enable", service))
        }
    }

    private func message(_ outcome: Enabling.Outcome, _ manager: ServiceManager) -> String {
        let name = outcome.step.unit.name
        let done =
            "\(name): \(outcome.step.isDone ? "was enabled already" : "enabled") "
            + "(\(outcome.step.path))"
        if name.isSlice {
            return done
                + (outcome.step.unit.isActive
                    ? "; attached: the next sockets of what runs in it are MPTCP"
                    : "; attached whenever systemd makes it")
        }
        if outcome.step.dropIn.policy.keepsTCP {
            if now { return done + "; " + outcome.keptClaim.printable }
            let next = "; " + manager.command("systemctl", "restart", name) + " has it stay TCP"
            return done + (outcome.verdicts.isEmpty ? "" : next)
        }
        if outcome.verdicts.isEmpty {
            let start =
                name.isTemplate
                ? ""
                : "; it does not run: "
                    + manager.command(
                        "mptcpize", "status", name) + " tells what is reached once it does"
            return done + (now ? start : "")
        }
        if let prediction = outcome.prediction {
            let restart = manager.command("systemctl", "restart", name)
            return done + "; " + prediction.prediction(after: restart).printable
        }
        let claims = outcome.verdicts.map(\.claim)
        let claim = Set(claims).count == 1 ? claims[0] : claims.joined(separator: "; ")
        let remedies = outcome.verdicts.compactMap { $0.reason(of: manager)?.remedy }
        let next = remedies.first { !$0.isEmpty }.map { "; \($0)" } ?? ""
        return done + "; " + claim.printable + next
    }
}

extension ServiceMode: ExpressibleByArgument {}

/// Whose systemd a verb is about.
struct ScopeOptions: ParsableArguments {
    @Flag(help: "Units of your own systemd, not of the system's.")
    var user = false

    var scope: ManagerScope { user ? .user : .system }
}
