import BPFMode
import Glibc
import Launch
import LinuxSystem
import Processes
import ServiceStatus
import SystemdUnits

/// `mptcpize disable`: removes what `enable` wrote, and nothing else.
package struct Disabling: Sendable {
    /// What became of one unit.
    package struct Step: Sendable {
        package let unit: UnitName
        /// The drop-ins that were removed; none where it was not enabled.
        package let removed: [String]
        /// What runs on with the library until it is restarted.
        package let running: [UnitName]
        /// The template that the unit is still enabled by.
        package let template: UnitName?
    }

    private let manager: ServiceManager

    package init(_ manager: ServiceManager) { self.manager = manager }

    /// - Parameters:
    ///   - restarts: restart what runs.
    ///   - evenIfMounted: take mounted directories away all the same, as the library itself
    ///     may be about to go.
    /// - Throws: `Failure`; before anything is changed, for a service that runs with the
    ///   library mounted in its RootDirectory=, which can only be taken away once it does not.
    package func carryOut(
        _ arguments: [String], restarts: Bool, evenIfMounted: Bool = false
    ) throws(Failure) -> [Step] {
        var units: [UnitName] = []
        for argument in arguments {
            let typed = try UnitArgument(argument).name
            // A unit that is gone may have left its drop-in: its name as typed will do.
            let own = UnitName(try manager.properties(of: typed)["Id"]) ?? typed
            units.append(typed.isTemplate ? own.template ?? typed : own)
        }
        if !restarts, !evenIfMounted { for unit in units { try refuseMounted(unit) } }
        var steps: [Step] = []
        var mountPoints: [String] = []
        var attached: [UnitName] = []
        for unit in units {
            var removed: [String] = []
            for directory in [manager.configuration, manager.runtime] {
                guard let found = try DropInStore(directory).remove(unit) else { continue }
                removed.append(found.path)
                mountPoints += found.mountPoints
                if found.mode == .bpf { attached.append(unit) }
            }
            steps.append(Step(unit: unit, removed: removed, running: [], template: nil))
        }
        steps = try steps.map { step throws(Failure) in
            Step(
                unit: step.unit, removed: step.removed, running: [],
                template: try enabledTemplate(of: step.unit))
        }
        guard steps.contains(where: { !$0.removed.isEmpty }) else { return steps }
        for unit in attached { try detach(unit) }
        try manager.reload()
        var restarted: Set<UnitName> = []
        var failure: Failure?
        steps = try steps.map { step throws(Failure) in
            guard !step.removed.isEmpty else { return step }
            let running = try running(step.unit)
            for unit in restarts ? running : [] where !restarted.contains(unit) && !unit.isSlice {
                do throws(Failure) {
                    restarted.formUnion(try Restart.perform(unit, of: manager))
                } catch {
                    failure = failure ?? error
                }
            }
            var usingMPTCP: [UnitName] = []
            for unit in restarts || step.unit.isSlice ? [] : running where try usesMPTCP(unit) {
                usingMPTCP.append(unit)
            }
            return Step(
                unit: step.unit, removed: step.removed,
                running: restarts || step.unit.isSlice ? running : usingMPTCP,
                template: step.template)
        }
        // Empty ones only.
        for path in mountPoints.reversed() { rmdir(path) }
        if let failure { throw failure }
        return steps
    }

    /// To remove a directory that is a mount point elsewhere takes the mount away: programs
    /// that the service starts would no longer find the library that LD_PRELOAD names.
    private func refuseMounted(_ unit: UnitName) throws(Failure) {
        for directory in [manager.configuration, manager.runtime] {
            let points = try DropInStore(directory).installed(unit)?.mountPoints ?? []
            guard points.contains(where: { access($0, F_OK) == 0 }), try !running(unit).isEmpty
            else { continue }
            throw Failure(
                .failed, unit.description,
                "runs with the preload library mounted in its RootDirectory=",
                remedy: manager.command("mptcpize", "disable --now", unit) + " restarts it, "
                    + "or stop it first")
        }
    }

    private func enabledTemplate(of unit: UnitName) throws(Failure) -> UnitName? {
        guard let template = unit.template else { return nil }
        for directory in [manager.configuration, manager.runtime]
        where try DropInStore(directory).installed(template) != nil {
            return template
        }
        return nil
    }

    /// Takes away every drop-in of the system's where no systemd runs that would have to be
    /// told: in the tree of a container or an image.
    package static func carryOutWithoutManager() throws(Failure) -> [Step] {
        let store = DropInStore(ServiceManager.systemConfiguration)
        var steps: [Step] = []
        for unit in store.units() {
            guard let found = try store.remove(unit) else { continue }
            for path in found.mountPoints.reversed() { rmdir(path) }
            steps.append(Step(unit: unit, removed: [found.path], running: [], template: nil))
        }
        return steps
    }

    /// The kernel leaves what still runs alone; the drop-in that would have said so is gone.
    private func detach(_ unit: UnitName) throws(Failure) {
        if unit.isSlice, let service = SlicePlan.service(of: unit) {
            // systemd knows it until it reads its files again.
            try manager.act("stop", service)
        }
        let properties =
            unit.isTemplate
            ? try manager.instances(of: unit) : [try manager.properties(of: unit)]
        let cgroups = properties.map { $0["ControlGroup"] }.filter { !$0.isEmpty }
        let session = try BPFSession.open()
        let hierarchy = try CgroupHierarchy()
        let directories = cgroups.map { hierarchy.directory(ofPath: $0) }
        let paths = try session.list().cgroups.map(\.path).filter(directories.contains)
        if !paths.isEmpty { try session.detach(paths) }
    }

    private func running(_ unit: UnitName) throws(Failure) -> [UnitName] {
        try Restart.running(unit, of: manager)
    }

    /// Whether a restart changes anything: some of it was reached, or has MPTCP sockets.
    private func usesMPTCP(_ unit: UnitName) throws(Failure) -> Bool {
        let observation = UnitObservation(
            unit: unit, manager: manager, locator: .host(environment: []), mode: .preload)
        return try observation.verdict(of: [manager.properties(of: unit)], .past(dropIn: nil))
            .usesMPTCP
    }
}
