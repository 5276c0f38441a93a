import ArgumentParser
import Glibc
import LinuxSystem
import SocketInspection
import SystemdUnits

/// `mptcpize sockets`: lists the current MPTCP sockets, their programs, and what they are on the
/// wire.
struct SocketsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sockets",
        abstract: "List MPTCP sockets: their programs, paths, bytes, and whether they fell back.",
        discussion: """
            WIRE is what a socket speaks: mptcp, fallback (an MPTCP socket that speaks plain \
            TCP because of its peer or network), or tcp (a plain TCP socket of a program that \
            runs under mptcpize). RETRANS counts segments. IDLE is the time since data was \
            last sent or received.
            """)

    @Option(
        help: ArgumentHelp("Only sockets of this process.", valueName: "pid"),
        completion: .processes)
    var pid: Int32?

    @Option(
        // "-.slice" begins as an option does.
        parsing: .unconditional,
        help: ArgumentHelp("Only sockets of this running systemd unit.", valueName: "unit"),
        completion: .activeUnits)
    var unit: String?

    @Option(
        help: ArgumentHelp("Only sockets of the processes in this cgroup.", valueName: "path"),
        completion: .cgroups)
    var cgroup: String?

    @Option(
        help: ArgumentHelp("Only sockets of programs with this name.", valueName: "name"),
        completion: .runningPrograms)
    var program: String?

    @Option(
        help: ArgumentHelp(
            "Look into this network namespace instead of the selected processes' own: a name of "
                + "`ip netns`, a process in it, or `all`.",
            valueName: "name|pid|all"), completion: .networkNamespaces)
    var netns: String?

    @Flag(help: "Show listeners instead of connections.")
    var listening = false

    @Flag(help: "Show listeners and connections.")
    var all = false

    @Flag(name: .shortAndLong, help: "Show a line for each subflow.")
    var verbose = false

    @Flag(help: "Redraw until interrupted, and show rates.")
    var watch = false

    @Argument(help: ArgumentHelp("With --watch: how often to redraw.", valueName: "seconds"))
    var seconds: Double?

    @Flag(help: "Write one JSON document; with --watch, one document per line.")
    var json = false

    func validate() throws {
        let filters = [pid.map { "\($0)" }, unit, cgroup, program].compactMap { $0 }
        if filters.count > 1 {
            throw ValidationError("Give only one of --pid, --unit, --cgroup and --program.")
        }
        if listening && all {
            throw ValidationError("--all includes --listening: give one of them.")
        }
        if let pid, pid <= 0 { throw ValidationError("\(pid) is not a process.") }
        if let seconds {
            guard watch else {
                throw ValidationError("Seconds need --watch.")
            }
            guard seconds >= 0.1 && seconds <= 86_400 else {
                throw ValidationError("Give --watch from 0.1 to 86400 seconds.")
            }
        }
    }

    func run() throws {
        let query = SocketQuery(
            selection: try selection(), kind: all ? .all : listening ? .listeners : .connections,
            namespaces: namespaces)
        if watch {
            let interval = Duration.milliseconds(Int((seconds ?? 2) * 1000))
            try SocketWatch(query: query, interval: interval, isJSON: json, isDetailed: verbose)
                .run()
            return
        }
        let listing = try query.run()
        if json {
            try Console.output(listing.json())
        } else {
            let terminal = Console.terminal
            let options = SocketTextOptions(
                isDetailed: verbose, isStyled: terminal.isStyled,
                width: terminal.size?.columns ?? 160)
            try Console.output(listing.lines(options).joined(separator: "\n"))
        }
    }

    private func selection() throws(Failure) -> SocketSelection {
        if let pid { return .process(pid) }
        if let unit { return .unit(try UnitName(typed: unit).description) }
        if let cgroup { return .cgroup(cgroup) }
        if let program { return .program(program) }
        return .everyone
    }

    private var namespaces: SocketQuery.Namespaces {
        switch netns {
        case nil: .selected
        case "all": .all
        case let name?: .named(name)
        }
    }
}
