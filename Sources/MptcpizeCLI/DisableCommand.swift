import ArgumentParser
import Glibc
import LinuxSystem
import ServiceControl
import ServiceStatus
import SystemdUnits
import TextOutput

/// `mptcpize disable`: makes units as they were before `enable`.
struct DisableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disable",
        abstract: "Undo what enable did to systemd units.",
        discussion: """
            Removes the drop-in that `mptcpize enable` wrote, and reloads systemd. Running \
            programs keep their sockets until they are restarted; --now restarts them.
            """)

    @OptionGroup var scope: ScopeOptions

    @Flag(help: "Restart running units.")
    var now = false

    @Flag(help: "All enabled units.")
    var all = false

    @Flag(help: "Write one JSON document.")
    var json = false

    @Argument(
        help: ArgumentHelp(
            "A service, a socket, a slice, or the path of its file.", valueName: "unit"),
        completion: .enabledUnits)
    var units: [String] = []

    func validate() throws {
        if all != units.isEmpty { throw ValidationError("Give either --all, or units.") }
    }

    func run() throws {
        do throws(Failure) {
            try disable()
        } catch {
            if json { try Console.output(UnitChange.document([], failure: error)) }
            throw error
        }
    }

    private func disable() throws(Failure) {
        if scope.scope == .system, geteuid() != 0 {
            throw Failure(
                .failed, "disable", "only root may change the system's units",
                remedy: "use sudo, or --user for units of your own")
        }
        if all, scope.scope == .system, !ServiceManager.isRunning {
            let steps = try Disabling.carryOutWithoutManager()
            if json { return try output(steps) }
            for step in steps { try Console.output("\(step.unit): disabled") }
            return
        }
        let manager = try ServiceManager(scope.scope)
        let units = all ? try UnitStatus.units([], of: manager).map(\.description) : units
        let disabling = Disabling(manager)
        let steps = try disabling.carryOut(units, restarts: now, evenIfMounted: all)
        if json { return try output(steps) }
        for step in steps {
            var message =
                step.removed.isEmpty
                ? "\(step.unit): was not enabled"
                : "\(step.unit): disabled (\(step.removed.joined(separator: ", ")) removed)"
            if let template = step.template {
                message +=
                    "; it uses MPTCP by \(template): "
                    + manager.command("mptcpize", "disable", template)
            } else if step.unit.isSlice, !step.running.isEmpty {
                message += "; new sockets in it are TCP"
            } else if !now, let running = step.running.first {
                message += "; it uses TCP after " + manager.command("systemctl", "restart", running)
            }
            try Console.output(message)
        }
    }

    private func output(_ steps: [Disabling.Step]) throws(Failure) {
        try Console.output(UnitChange.document(steps.map { $0.change(restarts: now) }))
    }
}
