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
            // nft has no escapes within quotation marks.
            guard level > 0, found.path.hasPrefix(root), !found.path.contains("\"") else {
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
            var places = options.places
            if case .file(let path) = places.files {
                places.files = .file(PolicyPlaces.absolute(path))
            }
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
            var place = "until the next boot"
            if scope == .host, !runtime, let unit = try PolicyUnit() {
                try unit.install(places)
                place = "for good (\(PolicyUnit.path))"
            } else if scope != .host {
                place = "as long as the cgroup lives"
            }
            let number = policy.rules.count - ruleset.leftOut.count
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
            } catch {
                // Without nft there is nothing that it has made.
                guard all, error.reason == "is not installed" else { throw error }
            }
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

    /// Says where the BPF mode will not go by a rule that is in force.
    static func warnOfKernel() throws(Failure) {
        let policy = try PolicyPlaces().policy(for: .system)
        guard let rule = policy.rules.first(where: { $0.action == .tcp }),
            (try? KernelPolicy.tables().contains(NFTRuleset.Scope.host.table)) != true
        else { return }
        Console.error(
            "mptcpize: \(rule.origin.text): the BPF mode goes by no rules; ".printable
                + "`mptcpize policy apply` has the kernel hold them")
    }

    /// Rules that packets do not tell the program of.
    private static func warn(of ruleset: NFTRuleset) {
        for rule in ruleset.leftOut {
            Console.error(
                "mptcpize: \(rule.origin.text): left out: packets do not tell the program "
                    .printable + "(\(rule.line))".printable)
        }
    }
}
