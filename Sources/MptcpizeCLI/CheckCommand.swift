import ArgumentParser
import Diagnosis
import Glibc
import KernelProbe
import Launch
import LinuxSystem
import RunInput

/// `mptcpize check`: whether MPTCP works here, on this host, with a peer, or for a program.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Find out what prevents MPTCP here, and what to do about it.",
        discussion: """
            Without arguments, it checks the kernel, the second path, and the rest of the \
            system. Each line is ok, note or problem, with the evidence and what to type next. \
            The exit status is 1 if there is a problem.
            """)

    @Option(
        help: ArgumentHelp(
            "Connect to a peer, and tell whether it speaks MPTCP and over how many paths. This "
                + "sends an empty line. If the peer is `check --serve`, also test each path alone.",
            valueName: "host[:port]"))
    var probe: String?

    @Flag(
        help: ArgumentHelp(
            "Answer --probe of another host, on ADDRESS:PORT (or 127.0.0.1:10263), until Ctrl-C."))
    var serve = false

    @Option(help: ArgumentHelp("End after this number of checks.", valueName: "number"))
    var count: Int?

    @Flag(help: "List the socket options that MPTCP may refuse, with this kernel's answers.")
    var options = false

    @Flag(help: "Write one JSON document.")
    var json = false

    @Argument(
        help: ArgumentHelp(
            "The program or unit to look at; with --serve, the address to listen on.",
            valueName: "program|unit"),
        completion: .programsAndUnits)
    var target: String?

    func validate() throws {
        if [probe != nil, options, target != nil || serve].count(where: { $0 }) > 1 {
            throw ValidationError(
                "Give only one of --probe, --serve, --options and a program or unit.")
        }
        if let count, !serve || count < 1 {
            throw ValidationError("--count needs --serve, and a number from 1 on.")
        }
    }

    func run() throws {
        if options {
            let table = OptionTable.probe()
            if json {
                try Console.output(OptionTable.json(table))
            } else {
                try Console.output(OptionTable.lines(table).joined(separator: "\n"))
            }
            return
        }
        if serve { return try beServer() }
        let report = CheckReport(try findings())
        try tell(report)
        if report.hasProblem { throw ExitCode(1) }
    }

    private func tell(_ report: CheckReport) throws {
        if json {
            try Console.output(report.json)
        } else {
            let lines = report.lines(styled: Console.terminal.isStyled)
            try Console.output(lines.joined(separator: "\n"))
        }
    }

    private func beServer() throws {
        var server = try CheckServer(target)
        Console.error("listening on \(server.address.text); Ctrl-C ends it")
        try server.serve(count: count, tell: tell)
    }

    private func findings() throws(Failure) -> [Finding] {
        if let probe { return try PeerProbe(probe).findings() }
        guard let target else { return HostChecks.findings() }
        let locator = LibraryLocator.host(environment: ProcessInput.environment)
        return try TargetChecks(locator: locator, searchPath: ProcessInput.variable("PATH"))
            .findings(for: Bytes(target.utf8))
    }
}
