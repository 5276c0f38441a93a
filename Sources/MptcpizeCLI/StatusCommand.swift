import ArgumentParser
import Launch
import RunInput
import ServiceStatus
import SystemdUnits
import TextOutput

/// `mptcpize status`: what is enabled, and what runs.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the enabled systemd units, their processes and their sockets.")

    @OptionGroup var scope: ScopeOptions

    @Flag(help: "Write one JSON document.")
    var json = false

    @Argument(
        help: ArgumentHelp("The units to show; without any, all enabled units.", valueName: "unit"),
        completion: .units)
    var units: [String] = []

    func run() throws {
        let manager = try ServiceManager(scope.scope)
        let locator = LibraryLocator.host(environment: ProcessInput.environment)
        var statuses: [UnitStatus] = []
        for unit in try UnitStatus.units(units, of: manager) {
            statuses.append(try UnitStatus(unit, of: manager, locator: locator))
        }
        if json {
            let units = statuses.map { $0.json(of: manager) }
            let document: JSONValue = ["version": 1, "units": .array(units)]
            try Console.output(document)
        } else if statuses.isEmpty {
            try Console.output("no unit is enabled; `mptcpize enable UNIT` enables one")
        } else {
            let blocks = statuses.map { $0.lines(of: manager, styled: Console.terminal.isStyled) }
            try Console.output(blocks.map { $0.joined(separator: "\n") }.joined(separator: "\n\n"))
        }
    }
}
