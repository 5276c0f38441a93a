import ArgumentParser
import ConnectionPolicy
import Glibc
import LinuxSystem
import SystemdUnits
import TextOutput

/// `mptcpize policy`: which connections and listeners stay TCP.
struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Show and try the rules that keep sockets TCP.",
        discussion: """
            A rule is a line such as `tcp any loopback *` in /etc/mptcpize/policy.conf. \
            policy.conf(5) describes the rules, and which files are read.
            """,
        subcommands: [List.self, Check.self, Apply.self, Remove.self, Export.self],
        defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the rules in force, in their order, with file and line.")

        @OptionGroup var options: PolicyOptions

        @Flag(help: "Write one JSON document.")
        var json = false

        func run() throws {
            let policy = try options.places.policy(
                environment: PolicyPlaces.ownEnvironment, status: .failed)
            if json {
                let document: JSONValue = [
                    "version": 1, "rules": .array(policy.rules.map(\.json)),
                ]
                return try Console.output(document)
            }
            let counts = Self.counts()
            let isOther = counts.map {
                Set($0.keys) != NFTRuleset(policy, scope: .host).comments
            }
            if isOther == true {
                Console.error(
                    "mptcpize: the kernel has other rules than these (table inet mptcpize): "
                        + "`mptcpize policy apply` replaces them")
            }
            guard !policy.rules.isEmpty else {
                return try Console.output(
                    "no rules; write them into \(PolicyPlaces.folder)/policy.conf")
            }
            var table = TextTable(
                [.init("FROM")] + (counts == nil ? [] : [.init("MET", .right)]) + [.init("RULE")])
            for (number, rule) in policy.rules.enumerated() {
                let count = counts.map { counts in
                    TextTable.Cell(counts[NFTRuleset.comment(number, rule)].map { "\($0)" } ?? "-")
                }
                table.append(
                    [.init(rule.origin.text.printable)] + [count].compactMap { $0 }
                        + [.init(rule.line.printable)])
            }
            try Console.output(
                table.lines(styled: Console.terminal.isStyled).joined(separator: "\n"))
        }

        /// How many first packets have met each rule in the kernel; nil where rules are not applied
        /// to the host, or only root could tell.
        private static func counts() -> [String: UInt64]? {
            guard geteuid() == 0, let tables = try? KernelPolicy.tables(),
                tables.contains(NFTRuleset.Scope.host.table)
            else { return nil }
            return try? KernelPolicy.counts(in: NFTRuleset.Scope.host.table)
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show which rule decides on a connection or a listener.")

        @Option(
            help: ArgumentHelp("The file name of the program.", valueName: "program"),
            completion: .runningPrograms)
        var program: String?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("Use the rules of an enabled unit.", valueName: "unit"),
            completion: .enabledUnits)
        var unit: String?

        @OptionGroup var options: PolicyOptions

        @Flag(help: "Write one JSON document.")
        var json = false

        @Argument(
            help: "What the program does: connect or listen.",
            completion: .list(["connect", "listen"]))
        var direction: String

        @Argument(help: "The peer's address for connect, the program's own for listen.")
        var address: String

        @Argument(help: "The port: a number, or a name from services(5).")
        var port: String

        func validate() throws {
            if unit != nil, !options.places.isUsual {
                throw ValidationError("--unit uses the rules that the unit was enabled with.")
            }
        }

        func run() throws {
            let manager = unit == nil ? nil : try ServiceManager(.system)
            let installed = try manager.flatMap { (manager) throws(Failure) in
                try PolicyTrial.installed(unit!, of: manager)
            }
            let places = installed?.policy ?? options.places
            let policy =
                installed == nil
                ? try places.policy(environment: PolicyPlaces.ownEnvironment, status: .failed)
                : try places.policy(for: .system)
            let name =
                try program
                ?? manager.flatMap { (manager) throws(Failure) in
                    try PolicyTrial.program(unit!, of: manager)
                }
            let trial = try PolicyTrial(
                policy, program: name.map { Bytes($0.utf8) }, direction: direction,
                address: address, port: port)
            if json { return try Console.output(trial.json) }
            try Console.output(trial.lines.map(\.printable).joined(separator: "\n"))
        }
    }
}
