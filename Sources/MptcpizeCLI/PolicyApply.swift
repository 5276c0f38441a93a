import ArgumentParser
import ConnectionPolicy
import Glibc
import LinuxSystem
import Processes
import SystemdUnits

/// `mptcpize policy apply`, `remove` and `export`: rules in the kernel, by nftables.
extension PolicyCommand {
    /// Whose sockets are meant; all of this network namespace without any.
    struct Scope: ParsableArguments {
        @Option(
            help: ArgumentHelp("Only the sockets of a cgroup.", valueName: "path"),
            completion: .cgroups)
        var cgroup: String?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("Only those of a running systemd unit.", valueName: "unit"),
            completion: .activeUnits)
        var unit: String?

        func validate() throws {
            if cgroup != nil, unit != nil {
                throw ValidationError("Give only one of --cgroup and --unit.")
            }
        }

        func resolved() throws(Failure) -> NFTRuleset.Scope {
            let hierarchy: CgroupHierarchy
            let found: Cgroup
            if let unit {
                let name = try UnitName(typed: unit)
                let path = try ServiceManager(.system).cgroup(of: name)
                hierarchy = try CgroupHierarchy()
                found = try hierarchy.cgroup(relative: path)
            } else if let cgroup {
                hierarchy = try CgroupHierarchy()
                found = try hierarchy.cgroup(path: cgroup)
            } else {
                return .host
            }
            let level = found.path.dropFirst(hierarchy.mountPoint.count).split(separator: "/").count
            let root = "/sys/fs/cgroup/"
            guard level > 0 else {
                throw Failure(
                    .failed, found.path, "is the whole host",
                    remedy: "leave --cgroup or --unit away")
            }
            // nft has no escapes within quotation marks.
            guard found.path.hasPrefix(root), !found.path.contains("\"") else {
                throw Failure(
                    .failed, found.path, "is no cgroup that nft can name",
                    remedy: "it looks for cgroups below \(root)")
            }
            return .cgroup(
                path: String(found.path.dropFirst(root.count)), level: level, id: found.id)
        }
    }

    struct Apply: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put the rules into the kernel, by nftables.")

        @OptionGroup var scope: Scope

        @OptionGroup var options: PolicyOptions

        @Flag(help: "Until the next boot only.")
        var runtime = false

        func run() throws {
            let places = options.places.absolute
            let policy = try places.policy(for: .system)
            let scope = try scope.resolved()
            guard geteuid() == 0 else {
                throw Failure(
                    .failed, "policy apply", "needs root", remedy: "try: sudo mptcpize policy apply"
                )
            }
            let ruleset = NFTRuleset(policy, scope: scope)
            try KernelPolicy.apply(ruleset)
            PolicyCommand.warn(of: ruleset)
            try PolicyCommand.removeGone()
            var place = "until the next boot"
            if scope == .host, !runtime, let unit = try PolicyUnit() {
                do throws(Failure) { try unit.install(places) } catch {
                    Console.error("mptcpize: the rules hold until the next boot only")
                    throw error
                }
                place = "for good (\(PolicyUnit.path))"
            } else if scope != .host {
                place = "as long as the cgroup lives"
            }
            let number = ruleset.comments.count
            try Console.output(
                "\(number == 1 ? "1 rule" : "\(number) rules") in the table inet \(scope.table), "
                    + place)
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take the rules out of the kernel.")

        @OptionGroup var scope: Scope

        @Flag(help: "Also those of all cgroups, also where there is no nft.")
        var all = false

        func validate() throws {
            if all, scope.cgroup != nil || scope.unit != nil {
                throw ValidationError("Give only one of --all, --cgroup and --unit.")
            }
        }

        func run() throws {
            guard geteuid() == 0 else {
                throw Failure(
                    .failed, "policy remove", "needs root",
                    remedy: "try: sudo mptcpize policy remove")
            }
            let scope = try scope.resolved()
            var removed: [String] = []
            if scope == .host, try PolicyUnit()?.remove() == true { removed = [PolicyUnit.path] }
            do throws(Failure) {
                for table in all ? try KernelPolicy.tables() : [scope.table]
                where try KernelPolicy.remove(table) {
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

        private static func tell(_ removed: [String]) throws(Failure) {
            try Console.output(
                removed.isEmpty
                    ? "nothing was applied" : removed.joined(separator: ", ") + " removed")
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

    /// What to say where the BPF mode will not go by a rule that is in force; nil where there is none.
    static func noteOnBPF() throws(Failure) -> String? {
        let policy = try PolicyPlaces().policy(for: .system)
        guard let rule = policy.rules.first(where: { $0.action == .tcp && $0.program == nil }),
            (try? KernelPolicy.tables().contains(NFTRuleset.Scope.host.table)) != true
        else { return nil }
        return "mptcpize: \(rule.origin.text): the BPF mode goes by no rules; ".printable
            + "`mptcpize policy apply` has the kernel hold them"
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
