import ArgumentParser
import BPFMode
import ConnectionPolicy
import LinuxSystem
import Processes
import ServiceControl
import SystemdUnits
import TextOutput

/// `mptcpize bpf`: the kernel makes the sockets of whole cgroups MPTCP.
struct BPFCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bpf",
        abstract: "Have the kernel use MPTCP for every program in a cgroup (Linux 6.6 or newer).",
        discussion: """
            Reaches what no preload library reaches: static and set-uid programs, Go, \
            containers. It changes only sockets that are made afterwards. It lasts until you \
            detach it or the machine restarts; no process has to run.
            """,
        subcommands: [Attach.self, Detach.self, List.self])

    /// Which cgroups are meant.
    struct Targets: ParsableArguments {
        @Option(
            help: ArgumentHelp("A cgroup's directory.", valueName: "path"), completion: .cgroups)
        var cgroup: [String] = []

        @Option(
            // "-.slice" begins as an option does.
            parsing: .unconditionalSingleValue,
            help: ArgumentHelp("The cgroup of a running systemd unit.", valueName: "unit"),
            completion: .activeUnits)
        var unit: [String] = []

        @Option(
            help: ArgumentHelp("The cgroup that a process is in.", valueName: "pid"),
            completion: .processes)
        var pid: [Int32] = []

        @Flag(help: "Show the messages of libbpf and of the kernel's verifier.")
        var debug = false

        var isEmpty: Bool { cgroup.isEmpty && unit.isEmpty && pid.isEmpty }

        /// What is meant, each with the unit that it was named by.
        func resolved(
            _ session: borrowing BPFSession
        ) throws(Failure) -> [(unit: UnitName?, cgroup: Cgroup)] {
            var result: [(UnitName?, Cgroup)] = []
            for unit in unit {
                let name = try UnitName(typed: unit)
                let path = try ServiceManager(.system).cgroup(of: name)
                result.append((name, try session.cgroup(relative: path)))
            }
            for pid in pid { result.append((nil, try session.cgroup(pid: pid))) }
            return result
        }
    }

    struct Attach: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make new sockets MPTCP in cgroups and in all cgroups below them.")

        @OptionGroup var targets: Targets

        @Flag(
            help: ArgumentHelp(
                "Run as a hook of a container runtime: attach the container whose state is on "
                    + "standard input. Never fails."))
        var oci = false

        @OptionGroup var policy: PolicyOptions

        @Flag(help: "Write one JSON document.")
        var json = false

        // For the service that systemd starts before an enabled slice.
        @Option(parsing: .unconditional, help: .hidden)
        var slice: String?

        func validate() throws {
            if [oci, slice != nil, !targets.isEmpty].count(where: { $0 }) != 1 {
                throw ValidationError("Give either --oci, or --cgroup, --unit or --pid.")
            }
        }

        func run() throws {
            if oci { return ContainerHook.run() }
            if let slice { return try attach(slice) }
            try BPFCommand.telling(json) { () throws(Failure) in try attach() }
        }

        private func attach() throws(Failure) {
            let session = try BPFSession.open(debug: targets.debug)
            var wanted = try targets.resolved(session)
            for path in targets.cgroup { wanted.append((nil, try session.cgroup(path: path))) }
            let before = Set(try session.list().cgroups.map(\.id))
            let ruled = try wanted.map { (unit, cgroup) throws(Failure) in
                (cgroup: cgroup, rules: try rules(for: unit))
            }
            for warning in try session.attach(ruled) { Console.error(warning.message) }
            if json {
                return try Console.output(
                    BPFCommand.changes(
                        wanted.map {
                            ($0.cgroup.path, $0.cgroup.unit, !before.contains($0.cgroup.id))
                        }, isAttached: true))
            }
            for (unit, cgroup) in wanted {
                guard let unit, let lifetime = try ServiceManager(.system).lifetime(of: unit)
                else { continue }
                let verb = before.contains(cgroup.id) ? "was attached already" : "attached"
                try Console.output("\(unit): \(verb), \(lifetime)")
            }
        }

        private func attach(_ slice: String) throws(Failure) {
            guard let name = SliceName(slice) else {
                throw Failure(.usage, slice, "is not the name of a slice")
            }
            let session = try BPFSession.open(debug: targets.debug)
            let cgroup = try session.cgroup(path: try name.makeCgroup())
            let rules = try rules(for: UnitName(slice))
            for warning in try session.attach([(cgroup, rules)], as: .slice) {
                Console.error(warning.message)
            }
        }

        /// What is in force: of an enabled unit, what it was enabled with, unless options say.
        private func rules(for unit: UnitName?) throws(Failure) -> CgroupRules {
            var places = policy.places
            var program: Bytes?
            if let unit {
                let manager = try ServiceManager(.system)
                if places.isUsual { places = try PolicyTrial.places(of: unit, manager) }
                program = ServiceProgram(unit, try manager.properties(of: unit)).images.first
                    .map { Bytes($0.utf8) }
            }
            let rules = try CgroupRules(places.policy(for: .system), program: program)
            PolicyCommand.warn(of: rules)
            return rules
        }
    }

    /// Does what a verb is to do; where it fails, the document says so too.
    private static func telling(
        _ isJSON: Bool, _ work: () throws(Failure) -> Void
    ) throws(Failure) {
        do throws(Failure) {
            try work()
        } catch {
            if isJSON { try Console.output(UnitChange.document([], failure: error)) }
            throw error
        }
    }

    /// The document of what a verb did to cgroups.
    private static func changes(
        _ cgroups: [(path: String, unit: String?, isChanged: Bool)], isAttached: Bool
    ) -> JSONValue {
        UnitChange.document(
            cgroups.map {
                UnitChange(
                    unit: $0.unit, cgroup: $0.path, hasChanged: $0.isChanged, isEnabled: isAttached)
            })
    }

    struct Detach: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop making new sockets of cgroups MPTCP.")

        @OptionGroup var targets: Targets

        @Flag(help: "All cgroups, also those that another version of mptcpize attached.")
        var all = false

        @Flag(help: "The cgroups that `bpf list` shows as gone.")
        var gone = false

        @Flag(help: "Write one JSON document. A cgroup that is not attached is then no failure.")
        var json = false

        func validate() throws {
            if [all, gone, !targets.isEmpty].count(where: { $0 }) != 1 {
                throw ValidationError("Give either --all, --gone, or --cgroup, --unit or --pid.")
            }
        }

        func run() throws {
            try BPFCommand.telling(json) { () throws(Failure) in try detach() }
        }

        private func detach() throws(Failure) {
            if all, !json { return try BPFSession.detachAll() }
            let session = try BPFSession.open(debug: targets.debug)
            let attached = try session.list().cgroups
            let paths =
                all
                ? attached.map(\.path)
                : gone
                    ? attached.filter(\.isGone).map(\.path)
                    : try targets.resolved(session).map(\.cgroup.path) + targets.cgroup
            let units = Dictionary(attached.map { ($0.path, $0.unit) }) { first, _ in first }
            let known = paths.filter { units[$0] != nil }
            if gone || json ? !known.isEmpty : true {
                try session.detach(gone || json ? known : paths)
            }
            if json {
                return try Console.output(
                    BPFCommand.changes(
                        paths.map {
                            ($0, units[$0] ?? Cgroup.unit(ofDirectory: $0), units[$0] != nil)
                        }, isAttached: false))
            }
            for path in gone ? known : [] {
                try Console.output("\(path.printable): removed from the list")
            }
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
