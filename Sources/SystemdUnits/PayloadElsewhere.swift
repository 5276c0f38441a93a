import Launch
import LinuxSystem

/// Units whose work runs elsewhere, not in the unit itself.
package struct PayloadElsewhere {
    private enum Kind {
        /// It runs nothing: other units are part of it.
        case umbrella
        /// Its jobs have an environment of their own; the table they are written in.
        case jobs(table: String)
        case wrapper(Wrapper)
    }

    private let unit: UnitName
    private let properties: UnitProperties
    private let kind: Kind?

    package init(_ unit: UnitName, _ properties: UnitProperties, mode: ServiceMode) {
        self.unit = unit
        self.properties = properties
        kind = unit.isService ? Self.kind(properties, mode) : nil
    }

    /// The daemons that build the environment of each job anew, and where jobs are written.
    private static let jobTables = [
        "cron": "crontab", "crond": "crontab", "fcron": "fcrontab", "bcron-sched": "crontab",
        "atd": "job",
    ]

    /// What does nothing by itself.
    private static let idle: Set<String> = ["true", ":", "echo"]

    private static func kind(_ properties: UnitProperties, _ mode: ServiceMode) -> Kind? {
        let commands = properties.commands
        let names = commands.compactMap { $0.first?.lastPathComponent.text }
        if names.allSatisfy(idle.contains), !names.isEmpty || properties["Type"] == "oneshot" {
            return .umbrella
        }
        let hasExited = properties["ActiveState"] == "active" && properties["SubState"] == "exited"
        if hasExited,
            properties["TasksCurrent"].isEmpty || properties["TasksCurrent"] == "0"
                || properties["TasksCurrent"] == "[not set]",
            properties.words("ConsistsOf").contains(where: { UnitName($0)?.isService ?? false })
        {
            return .umbrella
        }
        for command in commands {
            guard let wrapper = Wrapper(command) else { continue }
            if wrapper.effect == .startsElsewhere { return .wrapper(wrapper) }
            if wrapper.effect == .clearsEnvironment, mode == .preload { return .wrapper(wrapper) }
        }
        guard mode == .preload, let table = names.compactMap({ jobTables[$0] }).first else {
            return nil
        }
        return .jobs(table: table)
    }

    /// What the user is told; nil where the unit runs its own programs.
    package func failure(of manager: ServiceManager) throws(Failure) -> Failure? {
        let bpf =
            manager.scope == .system
            ? ", or `mptcpize enable --mode bpf \(unit.typed)` (Linux 6.6 or newer)" : ""
        switch kind {
        case nil: return nil
        case .umbrella:
            return Failure(
                .failed, unit.description, "runs nothing itself",
                remedy: try enablingBehind(manager))
        case .jobs(let table):
            return Failure(
                .failed, unit.description,
                "starts its jobs with an environment of their own, without LD_PRELOAD",
                remedy: "put `mptcpize run` before the command in the \(table)" + bpf)
        case .wrapper(let wrapper) where wrapper.effect == .startsElsewhere:
            return Failure(
                .failed, unit.description,
                "\(wrapper.name) starts its program in a unit of its own",
                remedy: "make it start `mptcpize run PROGRAM`")
        case .wrapper(let wrapper):
            return Failure(
                .failed, unit.description,
                "\(wrapper.name) starts its program with an environment of its own, "
                    + "without LD_PRELOAD",
                remedy: "set User= in the unit instead (`systemctl edit \(unit.typed)`)" + bpf)
        }
    }

    /// The units that are part of it, or the template of such.
    private func enablingBehind(_ manager: ServiceManager) throws(Failure) -> String {
        let stem = unit.description.dropLast(".service".count)
        let wanted = ["Wants", "Requires", "Upholds"].flatMap { properties.words($0) }
            .filter { $0.hasPrefix(stem) }
        var behind: [UnitName] = []
        for name in (properties.words("ConsistsOf") + wanted).compactMap({ UnitName($0) })
        where name.isService && name != unit && !behind.contains(name) {
            behind.append(name)
        }
        if !behind.isEmpty {
            let names = behind.map(\.typed).joined(separator: " ")
            return "enable the units behind it: `mptcpize enable --now \(manager.option)\(names)`"
        }
        if let template = UnitName("\(stem)@.service"),
            try manager.properties(of: template)["LoadState"] == "loaded"
        {
            return "enable its instances: " + manager.command("mptcpize", "enable", template)
        }
        return "enable the units that it stands for: "
            + manager.command("systemctl", "list-dependencies", unit) + " lists them"
    }
}
