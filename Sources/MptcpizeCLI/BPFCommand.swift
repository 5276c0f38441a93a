import ArgumentParser
import BPFMode
import LinuxSystem
import Processes
import SystemdUnits

/// `mptcpize bpf`: the kernel makes the sockets of whole cgroups MPTCP.
struct BPFCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bpf",
        abstract: "Have the kernel use MPTCP for every program in a cgroup (Linux 6.6 or newer).",
        discussion: """
            Reaches what no preload library does: static and set-uid programs, Go, \
            containers. It concerns sockets made from then on, lasts until detached or until \
            the machine restarts, and needs no process to stay.
            """,
        subcommands: [Attach.self, Detach.self, List.self])

    /// Which cgroups are meant.
    struct Targets: ParsableArguments {
        @Option(
            help: ArgumentHelp("A cgroup's directory.", valueName: "path"), completion: .cgroups)
        var cgroup: [String] = []

        @Option(
            help: ArgumentHelp("The cgroup of a running systemd unit.", valueName: "unit"),
            completion: .activeUnits)
        var unit: [String] = []

        @Option(
            help: ArgumentHelp("The cgroup that a process is in.", valueName: "pid"),
            completion: .processes)
        var pid: [Int32] = []

        @Flag(help: "Show what libbpf and the kernel's verifier say.")
        var debug = false

        var isEmpty: Bool { cgroup.isEmpty && unit.isEmpty && pid.isEmpty }

        /// The cgroups of the units and processes.
        func resolved(_ session: borrowing BPFSession) throws(Failure) -> [Cgroup] {
            var result: [Cgroup] = []
            for unit in unit {
                let path = try ServiceManager(.system).cgroup(of: UnitName(typed: unit))
                result.append(try session.cgroup(relative: path))
            }
            for pid in pid { result.append(try session.cgroup(pid: pid)) }
            return result
        }
    }

    struct Attach: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the new sockets of cgroups, and of all below them, MPTCP.")

        @OptionGroup var targets: Targets

        func validate() throws {
            if targets.isEmpty { throw ValidationError("Give --cgroup, --unit or --pid.") }
        }

        func run() throws {
            let session = try BPFSession.open(debug: targets.debug)
            var cgroups = try targets.resolved(session)
            for path in targets.cgroup { cgroups.append(try session.cgroup(path: path)) }
            for warning in try session.attach(cgroups) { Console.error(warning.message) }
        }
    }

    struct Detach: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Leave the new sockets of cgroups alone again.")

        @OptionGroup var targets: Targets

        @Flag(help: "All cgroups, whatever version of mptcpize attached them.")
        var all = false

        func validate() throws {
            if all != targets.isEmpty {
                throw ValidationError("Give either --all, or --cgroup, --unit or --pid.")
            }
        }

        func run() throws {
            if all { return try BPFSession.detachAll() }
            let session = try BPFSession.open(debug: targets.debug)
            let paths = try targets.resolved(session).map(\.path)
            try session.detach(paths + targets.cgroup)
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the attached cgroups and what became of their sockets.")

        @Flag(help: "Write one JSON document.")
        var json = false

        func run() throws {
            let listing = try BPFSession.open().list()
            if json {
                var text = String(decoding: listing.json.text, as: UTF8.self)
                text.removeLast()  // Console adds the newline
                try Console.output(text)
            } else {
                for line in listing.lines { try Console.output(line) }
            }
        }
    }
}
