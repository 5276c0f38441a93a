import ArgumentParser
import ConnectionPolicy
import Glibc
import Launch
import LinuxSystem
import RunInput
import ServiceControl
import ServiceStatus
import SystemdUnits
import TextOutput

/// `mptcpize enable`: puts services and sockets of systemd under MPTCP, for good.
struct EnableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enable",
        abstract: "Put systemd units under MPTCP until they are disabled.",
        discussion: """
            Writes a drop-in, UNIT.d/50-mptcpize.conf, and reloads systemd. Does not change the \
            unit's own files. Programs that start afterwards use MPTCP. --now restarts running \
            units, checks that they were reached, and undoes everything if they were not.

            For a socket unit, systemd itself listens with MPTCP (systemd 257 or newer). If the \
            service behind it is a Python program, it gets --protocol-as-tcp automatically.
            """)

    @OptionGroup var scope: ScopeOptions

    @Flag(help: "Restart running units, and check that they were reached.")
    var now = false

    @Flag(help: "Until the next boot only.")
    var runtime = false

    @Flag(help: "With --now, keep the change even if a part of a unit is not reached.")
    var allowPartial = false

    @Flag(help: "Change nothing; show what would be written where, or what would change (--json).")
    var dryRun = false

    @Flag(help: "Write one JSON document.")
    var json = false

    @Option(help: "How to make a service's sockets MPTCP: preload, or bpf (Linux 6.6 or newer).")
    var mode = ServiceMode.preload

    @Flag(
        name: .customLong("protocol-as-tcp"),
        help: "Answer TCP to services that ask a socket for its protocol (see `mptcpize run`).")
    var protocolAsTCP = false

    @OptionGroup var policy: PolicyOptions

    @Argument(
        help: ArgumentHelp(
            "A service, a socket, a slice, or the path of its file.", valueName: "unit"),
        completion: .units)
    var units: [String]

    func validate() throws {
        if allowPartial, !now { throw ValidationError("--allow-partial needs --now.") }
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
                "--protocol-as-tcp needs the preload library, which the mode bpf does not use")
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
                    ? "; attached: new sockets in it are MPTCP"
                    : "; attached whenever systemd makes it")
        }
        if outcome.step.dropIn.policy.keepsTCP {
            if now { return done + "; " + outcome.keptClaim.printable }
            let next = "; " + manager.command("systemctl", "restart", name) + " makes it TCP"
            return done + (outcome.verdicts.isEmpty ? "" : next)
        }
        if outcome.verdicts.isEmpty {
            let start =
                name.isTemplate
                ? ""
                : "; it does not run: "
                    + manager.command(
                        "mptcpize", "status", name) + " shows what is reached once it runs"
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
    @Flag(help: "Units of your own systemd instead of the system's.")
    var user = false

    var scope: ManagerScope { user ? .user : .system }
}
