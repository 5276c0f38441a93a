import Launch
import LinuxSystem
import SystemdUnits

/// What systemd makes of the drop-ins that `Enabling` has written.
extension Enabling {
    /// Sees that systemd lists the drop-ins and has understood them. A unit that turns out to
    /// have other files than when it was planned for (a drop-in that systemd had not read yet) is
    /// planned for once more.
    func settle(_ changes: [Step], beside others: [UnitName]) throws(Failure) {
        let planner = UnitPlanner(manager, locator: locator)
        var late: [Step] = []
        for step in changes {
            let now = try LoadedUnit(UnitArgument(step.unit.name.description), of: manager)
            guard now.sources != step.unit.sources else { continue }
            let variables = try PreloadVariables(
                protocolAsTCP: options.protocolAsTCP, policy: options.policy, of: manager)
            var dropIn = try planner.dropIn(
                for: now, mode: options.mode, variables: variables, beside: others)
            dropIn.policy = options.policy
            late.append(Step(unit: now, dropIn: dropIn, path: step.path, isDone: false))
        }
        if !late.isEmpty {
            _ = try store.write(late.map(request))
            try manager.reload()
        }
        for step in changes {
            let again = late.first { $0.unit.name == step.unit.name }
            try verifyLoaded(
                again ?? step,
                before: again == nil ? step.unit.propertiesWithoutDropIn : nil)
        }
    }

    /// systemd must list the drop-in, and have understood it.
    private func verifyLoaded(_ step: Step, before: UnitProperties?) throws(Failure) {
        let properties = try manager.properties(of: step.unit.name)
        let unit = step.unit.name
        guard properties.words("DropInPaths").contains(where: { isSameFile($0, step.path) })
        else {
            throw Failure(
                .failed, unit.description, "systemd does not read \(step.path)",
                remedy: "another file of that name may hide it: "
                    + manager.command("systemctl", "cat", unit))
        }
        if step.dropIn.section == "Socket", properties["SocketProtocol"] != SocketPlan.mptcp {
            throw SocketPlan.unsupported(unit, properties)
        }
        guard properties["LoadState"] == "loaded" else {
            throw Failure(.failed, unit.description, "systemd no longer loads it with the drop-in")
        }
        if let (name, value) = step.dropIn.misread(in: properties, before: before) {
            throw Failure(
                .failed, unit.description,
                "with the drop-in, systemd sets \(name) to "
                    + (value.map { "“\($0)”" } ?? "nothing"),
                remedy: "set \(name) in the unit in one plain line of Environment=: "
                    + manager.command("systemctl", "cat", unit))
        }
    }
}
