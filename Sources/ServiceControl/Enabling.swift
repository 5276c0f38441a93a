import BPFMode
import ConnectionPolicy
import Glibc
import Launch
import LinuxSystem
import ServiceStatus
import SystemdUnits

/// `mptcpize enable`: puts units under MPTCP for good, all of them or none.
package struct Enabling: Sendable {
    package struct Options: Sendable {
        /// Restart what runs, and see that it was reached.
        package var restarts = false
        /// Until the next boot only.
        package var isRuntime = false
        package var mode = ServiceMode.preload
        /// SO_PROTOCOL of MPTCP sockets reads IPPROTO_TCP in the services.
        package var protocolAsTCP = false
        /// Where the rules for what stays TCP come from.
        package var policy = PolicyPlaces()
        /// Keep what works where not all of a unit was reached.
        package var allowsPartial = false

        package init(
            restarts: Bool = false, isRuntime: Bool = false, mode: ServiceMode = .preload,
            protocolAsTCP: Bool = false, policy: PolicyPlaces = PolicyPlaces(),
            allowsPartial: Bool = false
        ) {
            self.restarts = restarts
            self.isRuntime = isRuntime
            self.mode = mode
            self.allowsPartial = allowsPartial
            self.protocolAsTCP = protocolAsTCP
            self.policy = policy
        }
    }

    /// What is to be done, or was done, for one unit.
    package struct Step: Sendable {
        package let unit: LoadedUnit
        package let dropIn: DropIn
        /// Where the drop-in goes.
        package let path: String
        /// Whether it is there already, just like this.
        package let isDone: Bool
    }

    /// What came of one step.
    package struct Outcome: Sendable {
        package let step: Step
        /// What was restarted.
        package let restarted: [UnitName]
        /// What was seen of what runs, unit by unit; of a template, its instances.
        package let verdicts: [UnitVerdict]
        /// What is to be expected of what runs once it is restarted; nil where it was, or need not be.
        package let prediction: UnitVerdict?

        /// What was seen of a unit that is to stay TCP.
        package var keptClaim: String {
            let ports = verdicts.flatMap(\.mptcpPorts)
            if verdicts.isEmpty { return "it does not run" }
            if ports.isEmpty { return "it listens with no MPTCP socket" }
            let list = Set(ports).sorted().map { "\($0)" }.joined(separator: ", ")
            return
                "still MPTCP on port \(list): the program asks for it without the preload library; "
                + "`mptcpize enable --mode bpf --keep-tcp \(step.unit.name.typed)` keeps that TCP"
        }

        /// Whether anything is not as it was before.
        package var hasChanged: Bool { !step.isDone || !restarted.isEmpty }
    }

    let manager: ServiceManager
    let store: DropInStore
    let locator: LibraryLocator
    let options: Options

    package init(_ manager: ServiceManager, locator: LibraryLocator, options: Options) {
        self.manager = manager
        self.locator = locator
        self.options = options
        store = DropInStore(options.isRuntime ? manager.runtime : manager.configuration)
    }

    /// Decides what each unit needs, without changing anything.
    ///
    /// - Throws: `Failure` for the first unit that cannot be enabled.
    package func plan(_ arguments: [String]) throws(Failure) -> [Step] {
        let planner = UnitPlanner(manager, locator: locator)
        var units: [LoadedUnit] = []
        for argument in arguments {
            let unit = try LoadedUnit(UnitArgument(argument), of: manager)
            if !units.contains(where: { $0.name == unit.name }) { units.append(unit) }
        }
        let variables = try PreloadVariables(
            protocolAsTCP: options.protocolAsTCP, policy: options.policy, of: manager)
        var steps: [Step] = []
        for unit in units {
            var dropIn = try planner.dropIn(
                for: unit, mode: options.mode, variables: variables, beside: units.map(\.name))
            dropIn.policy = options.policy
            let installed = try store.installed(unit.name)
            if options.isRuntime,
                try DropInStore(manager.configuration).installed(unit.name) != nil
            {
                throw Failure(
                    .failed, unit.name.description, "is enabled for good already",
                    remedy: manager.command("mptcpize", "disable", unit.name) + " first")
            }
            steps.append(
                Step(
                    unit: unit, dropIn: dropIn, path: store.file(of: unit.name),
                    isDone: installed?.isUpToDate(dropIn) ?? false))
        }
        return steps
    }

    /// The drop-in's text as it would be written.
    package func preview(_ step: Step) throws(Failure) -> String {
        let directory = String(step.path.dropLast(DropIn.fileName.count + 1))
        let undo = undoCommand(step.unit.name)
        let text = step.dropIn.text(
            undoneBy: undo, in: directory,
            directoriesMade: try store.directoriesMade(for: step.unit.name))
        guard let environment = step.dropIn.environmentText(undoneBy: undo) else { return text }
        return text + "\n# \(directory)/\(DropIn.environmentFileName)\n" + environment
    }

    /// Writes the drop-ins, has systemd read them and see that they work; all is as it
    /// was before when any of this fails.
    package func carryOut(_ steps: [Step]) throws(Failure) -> [Outcome] {
        if options.mode == .bpf {
            try CgroupRules(options.policy.policy(for: manager.scope)).probe()
            try BPFSession.open().probe()
        }
        let changes = steps.filter { !$0.isDone }
        // Nothing to write is no reason to ask for a directory that can be written.
        let undo =
            changes.isEmpty
            ? nil
            : try store.write(changes.map(request))
        SELinux.restoreLabels(changes.compactMap { Bytes($0.path.utf8).directory?.text })
        var restarted: [UnitName] = []
        do {
            if !changes.isEmpty { try manager.reload() }
            try settle(changes, beside: steps.map(\.unit.name))
            var outcomes: [Outcome] = []
            for step in steps {
                outcomes.append(
                    step.unit.name.isSlice
                        ? try attach(step, &restarted)
                        : options.restarts ? try restart(step, &restarted) : try expect(step))
            }
            return outcomes
        } catch {
            // What went wrong is said; that undoing failed too is only worth a word.
            var remedy = restarted.isEmpty ? "nothing was changed" : "it runs as before"
            if let failure = takeBack(undo, restarted, changes) {
                remedy = "undoing it failed: \(failure.object): \(failure.reason)"
            }
            throw Failure(
                error.status, error.object, error.reason,
                remedy: remedy + (error.remedy.isEmpty ? "" : "; \(error.remedy)"))
        }
    }

    /// Attaches a slice that is there already. Nothing has to be restarted for it: what starts in
    /// it from now on is meant, and the next sockets of what runs.
    ///
    /// - Parameter attached: what has to be taken back if this fails in the middle.
    private func attach(_ step: Step, _ attached: inout [UnitName]) throws(Failure) -> Outcome {
        let name = step.unit.name
        guard step.unit.isActive, let service = SlicePlan.service(of: name) else {
            return Outcome(step: step, restarted: [], verdicts: [], prediction: nil)
        }
        let cgroup = try manager.properties(of: name)["ControlGroup"]
        var own: [UnitName] = []
        let isReached = BPFPlan.isReached(cgroup, by: try BPFPlan.attached())
        if !step.isDone || !isReached {
            attached.append(name)
            own = [service]
            try Restart.perform(service, of: manager)
        }
        guard BPFPlan.isReached(cgroup, by: try BPFPlan.attached()) else {
            throw Failure(
                .failed, name.description, "its cgroup was not attached",
                remedy: "`journalctl -u \(service.typed)` shows why")
        }
        return Outcome(step: step, restarted: own, verdicts: [], prediction: nil)
    }

    /// Restarts what runs of a unit and is not reached yet, and sees what comes of it.
    ///
    /// - Parameter restarted: what has to be restarted once more if this fails in the middle.
    private func restart(
        _ step: Step, _ restarted: inout [UnitName]
    ) throws(Failure) -> Outcome {
        let dropIn = try store.installed(step.unit.name)
        var own: [UnitName] = []
        var verdicts: [UnitVerdict] = []
        for unit in try Restart.running(step.unit.name, of: manager) {
            let restart = Restart(unit, of: manager, locator: locator, mode: options.mode)
            let now = try restart.look(dropIn)
            let isGood = options.policy.keepsTCP ? now.mptcpPorts.isEmpty : now.isSuccess
            if step.isDone, !now.wantsRestart, isGood, !now.processes.isEmpty {
                verdicts.append(now)
                continue
            }
            if !restarted.contains(unit) {
                restarted.append(unit)
                let others = try Restart.perform(unit, of: manager).filter { $0 != unit }
                restarted += others
                own += [unit] + others
            }
            verdicts.append(
                try restart.verify(
                    dropIn, ports: Restart.lastingPorts(now),
                    allowsPartial: options.allowsPartial || options.policy.keepsTCP))
        }
        return Outcome(step: step, restarted: own, verdicts: verdicts, prediction: nil)
    }

    /// What is so now, and what a restart will bring, as far as what runs shows it.
    private func expect(_ step: Step) throws(Failure) -> Outcome {
        let dropIn = try store.installed(step.unit.name)
        let name = step.unit.name
        let properties =
            (name.isTemplate
            ? try manager.instances(of: name) : [try manager.properties(of: name)])
            .filter(\.isActive)
        guard !properties.isEmpty else {
            return Outcome(step: step, restarted: [], verdicts: [], prediction: nil)
        }
        let observation = UnitObservation(
            unit: name, manager: manager, locator: locator, mode: options.mode)
        let now = try observation.verdict(of: properties, .past(dropIn: dropIn))
        let prediction =
            now.wantsRestart || !step.isDone
            ? try observation.verdict(of: properties, .future) : nil
        return Outcome(step: step, restarted: [], verdicts: [now], prediction: prediction)
    }

    /// Undoes all that can be undone.
    ///
    /// - Returns: the first thing that could not be.
    private func takeBack(
        _ undo: DropInStore.Undo?, _ restarted: [UnitName], _ changes: [Step]
    ) -> Failure? {
        var first: Failure?
        func attempt(_ action: () throws(Failure) -> Void) {
            do throws(Failure) { try action() } catch { first = first ?? error }
        }
        // With the files the services that attach slices go.
        let slices = restarted.filter(\.isSlice).compactMap { SlicePlan.service(of: $0) }
        for service in slices { attempt { () throws(Failure) in try manager.act("stop", service) } }
        if let undo {
            attempt { () throws(Failure) in
                try undo.perform()
                try manager.reload()
            }
        }
        for unit in restarted {
            if unit.isSlice, (try? store.installed(unit)) ?? nil == nil { continue }
            attempt { () throws(Failure) in
                let service = unit.isSlice ? SlicePlan.service(of: unit) : unit
                try Restart.perform(service ?? unit, of: manager)
            }
        }
        for path in changes.flatMap(\.dropIn.mountPoints).reversed() { rmdir(path) }
        return first
    }

    /// The service behind a socket unit, where it is not enabled: it gets MPTCP sockets, and
    /// has nobody to mend the options that those refuse.
    package func unmendedService(_ step: Step) throws(Failure) -> UnitName? {
        guard step.unit.name.isSocket else { return nil }
        let properties = step.unit.properties
        // systemd.socket(5), Accept=: an instance of NAME@.service for each connection.
        let service =
            properties.isTrue("Accept")
            ? UnitName(step.unit.name.description.dropLast(".socket".count) + "@.service")
            : UnitName(properties.words("Triggers").first ?? "")
                ?? step.unit.name.sibling("service")
        guard let service else { return nil }
        for directory in [manager.configuration, manager.runtime]
        where try DropInStore(directory).installed(service) != nil {
            return nil
        }
        return service
    }

    func request(_ step: Step) -> DropInStore.Request {
        DropInStore.Request(step.unit.name, step.dropIn, undo: undoCommand(step.unit.name))
    }

    private func undoCommand(_ unit: UnitName) -> String {
        "mptcpize disable \(manager.option)\(unit.typed)"
    }
}
