import ArgumentParser
import BPFMode
import ConnectionPolicy
import Glibc
import LinuxSystem
import Processes
import SystemdUnits

/// `mptcpize policy apply`, `remove` and `export`: rules in the kernel, with nftables.
extension PolicyCommand {
    /// Whose sockets are meant; all of this network namespace without any.
    struct Scope: ParsableArguments {
        @Option(
            help: ArgumentHelp("Only the sockets of a cgroup.", valueName: "path"),
            completion: .cgroups)
        var cgroup: String?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("Only the sockets of a systemd unit.", valueName: "unit"),
            completion: .units)
        var unit: String?

        // For the service that systemd starts before a slice.
        @Option(parsing: .unconditional, help: .hidden)
        var slice: String?

        func validate() throws {
            if [cgroup, unit, slice].count(where: { $0 != nil }) > 1 {
                throw ValidationError("Give only one of --cgroup and --unit.")
            }
        }

        var isHost: Bool { cgroup == nil && unit == nil && slice == nil }

        /// The unit that is meant, also by the directory of its cgroup.
        var unitName: String? {
            if let unit { return unit }
            guard let cgroup, let hierarchy = try? CgroupHierarchy(),
                let name = (try? hierarchy.cgroup(path: cgroup))?.unit,
                let own = UnitName(name),
                let path = try? ServiceManager(.system).cgroup(of: own),
                isSameFile(hierarchy.directory(ofPath: path), cgroup)
            else { return nil }
            return name
        }

        /// What is there now.
        func resolved() throws(Failure) -> NFTRuleset.Scope {
            if let slice {
                guard let name = SliceName(slice) else {
                    throw Failure(.usage, slice, "is not the name of a slice")
                }
                return try Self.scope(ofDirectory: try name.makeCgroup())
            }
            if let unit { return try Self.scope(of: UnitName(typed: unit)) }
            guard let cgroup else { return .host }
            return try Self.scope(ofDirectory: cgroup)
        }

        /// The cgroup of a running unit.
        static func scope(of unit: UnitName) throws(Failure) -> NFTRuleset.Scope {
            let path = try ServiceManager(.system).cgroup(of: unit)
            return try scope(ofDirectory: CgroupHierarchy().directory(ofPath: path))
        }

        private static func scope(
            ofDirectory path: String
        ) throws(Failure) -> NFTRuleset.Scope {
            let hierarchy = try CgroupHierarchy()
            let found = try hierarchy.cgroup(path: path)
            return try NFTRuleset.Scope(found, in: hierarchy, by: .policy)
        }
    }

    struct Apply: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Load the rules into the kernel, with nftables.")

        @OptionGroup var scope: Scope

        @OptionGroup var options: PolicyOptions

        @Flag(help: "Until the next boot only.")
        var runtime = false

        func run() throws {
            let places = options.places.absolute
            let policy = try places.policy(for: .system)
            guard geteuid() == 0 else {
                throw Failure(
                    .failed, "policy apply", "needs root", remedy: "try: sudo mptcpize policy apply"
                )
            }
            if !runtime, let unit = scope.unitName {
                let dropIn = try PolicyDropIn(unit)
                // Of what has no settings of its own, rules hold as long as it runs.
                if dropIn.hindrance == nil || !dropIn.isRunning {
                    return try apply(policy, places, to: dropIn)
                }
            }
            let scope = try scope.resolved()
            let ruleset = NFTRuleset(policy, scope: scope)
            try KernelPolicy.apply(ruleset)
            PolicyCommand.warn(of: ruleset)
            try PolicyCommand.removeGone()
            var place = "until the next boot"
            if scope == .host, !runtime, let unit = try PolicyUnit() {
                do throws(Failure) { try unit.install(places) } catch {
                    Console.error("mptcpize: the rules last only until the next boot")
                    throw error
                }
                place = "for good (\(PolicyUnit.path))"
            } else if scope != .host {
                place = "as long as the cgroup exists"
            }
            try Console.output("\(ruleset.count) in the table inet \(scope.table), \(place)")
        }

        /// Now, where the unit runs, and whenever it starts.
        private func apply(
            _ policy: Policy, _ places: PolicyPlaces, to dropIn: PolicyDropIn
        ) throws(Failure) {
            if let hindrance = dropIn.hindrance { throw hindrance }
            let name = dropIn.name
            guard dropIn.isRunning,
                let scope = try? Scope.scope(of: name)
            else {
                // What the kernel takes for the host, it takes for a cgroup that is to come.
                let ruleset = NFTRuleset(policy, scope: .host)
                try KernelPolicy.check(ruleset)
                let path = try dropIn.install(places)
                PolicyCommand.warn(of: ruleset)
                return try Console.output(
                    "\(ruleset.count) for \(name), whenever it starts (\(path))")
            }
            let ruleset = NFTRuleset(policy, scope: scope)
            try KernelPolicy.apply(ruleset)
            PolicyCommand.warn(of: ruleset)
            try PolicyCommand.removeGone()
            do throws(Failure) {
                let path = try dropIn.install(places)
                try Console.output(
                    "\(ruleset.count) in the table inet \(scope.table), for good (\(path))")
            } catch {
                Console.error("mptcpize: the rules last only while \(name) runs")
                throw error
            }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove the rules from the kernel.")

        @OptionGroup var scope: Scope

        @Flag(help: "Also the rules of all cgroups and units, even if nft is missing.")
        var all = false

        @Flag(help: "Keep the files that load the rules again at boot or when the unit starts.")
        var runtime = false

        func validate() throws {
            if all, !scope.isHost {
                throw ValidationError("Give only one of --all, --cgroup and --unit.")
            }
        }

        func run() throws {
            guard geteuid() == 0 else {
                throw Failure(
                    .failed, "policy remove", "needs root",
                    remedy: "try: sudo mptcpize policy remove")
            }
            var removed: [String] = []
            if !runtime { removed = try removeFiles() }
            do throws(Failure) {
                for table in try tables() where try KernelPolicy.remove(table) {
                    removed.append("the table inet \(table)")
                }
                if !all { try PolicyCommand.removeGone() }
            } catch {
                // Without nft there is nothing that it has made.
                if all, try !KernelPolicy.isInstalled() { return try Self.tell(removed) }
                if !removed.isEmpty { try Self.tell(removed) }
                throw error
            }
            try Self.tell(removed)
        }

        /// What puts rules into the kernel.
        private func removeFiles() throws(Failure) -> [String] {
            if let unit = scope.unitName {
                return [try PolicyDropIn.remove(unit)].compactMap { $0 }
            }
            guard scope.isHost else { return [] }
            let own = try PolicyUnit()?.remove() == true ? [PolicyUnit.path] : []
            return own + (all ? try PolicyDropIn.removeAll() : [])
        }

        private func tables() throws(Failure) -> [String] {
            if all { return try KernelPolicy.tables() }
            do throws(Failure) {
                return [try scope.resolved().table]
            } catch {
                // One that does not run has none.
                if scope.unit != nil { return [] }
                throw error
            }
        }

        private static func tell(_ removed: [String]) throws(Failure) {
            try Console.output(
                removed.isEmpty
                    ? "no rules were applied" : removed.joined(separator: ", ") + " removed")
        }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print what apply would load, as an nftables ruleset.")

        @OptionGroup var scope: Scope

        @OptionGroup var options: PolicyOptions

        func run() throws {
            let policy = try options.places.policy(for: .system)
            let ruleset = NFTRuleset(policy, scope: try scope.resolved())
            PolicyCommand.warn(of: ruleset)
            try Console.output(ruleset.text)
        }
    }

    /// Takes away the tables of cgroups that are gone: nothing is matched by them any more.
    private static func removeGone() throws(Failure) {
        let tables = try KernelPolicy.tables().compactMap { table in
            NFTRuleset.Scope.cgroup(ofTable: table).map { (table, $0) }
        }
        guard !tables.isEmpty else { return }
        let hierarchy = try CgroupHierarchy()
        for (table, id) in tables where hierarchy.location(of: id) == .gone {
            _ = try KernelPolicy.remove(table)
        }
    }

    /// Names what the BPF mode leaves out.
    static func warn(of rules: CgroupRules) {
        for rule in rules.leftOut {
            Console.error(
                "mptcpize: \(rule.origin.text): left out: ".printable
                    + "a rule for one program cannot apply to a cgroup (\(rule.line))".printable)
        }
    }

    /// Names what is left out, with the reason.
    private static func warn(of ruleset: NFTRuleset) {
        for (rule, reason) in ruleset.leftOut {
            Console.error(
                "mptcpize: \(rule.origin.text): left out: \(reason) ".printable
                    + "(\(rule.line))".printable)
        }
    }
}
