import ConnectionPolicy
import Glibc
import LinuxSystem

/// Rules in the kernel for one unit, for good.
///
/// nftables identifies a cgroup by an ID that changes each time systemd makes the cgroup. So a
/// service's drop-in loads its rules before each start of its main program, when the cgroup exists
/// and is empty. A slice starts nothing: it waits for a service of mptcpize that makes the slice's
/// cgroup, as in `SlicePlan`.
package struct PolicyDropIn {
    private let manager: ServiceManager
    private let unit: LoadedUnit

    private static let companionPrefix = "mptcpize-policy@"

    package init(_ unit: String) throws(Failure) {
        manager = try ServiceManager(.system)
        self.unit = try LoadedUnit(UnitArgument(unit), of: manager)
    }

    /// The unit's own name.
    package var name: UnitName { unit.name }

    /// Whether any process of it can be under rules now.
    package var isRunning: Bool { !name.isTemplate && unit.isActive }

    /// Why it has its rules no longer than it runs; nil where they can be for good.
    package var hindrance: Failure? {
        guard unit.name.isService || unit.name.isSlice, !unit.properties.isTrue("Transient") else {
            return Failure(
                .failed, name.description,
                "is not a service or slice with its own settings, so rules cannot be "
                    + "loaded before it runs",
                remedy: "name the slice that it is in, or use --runtime once it runs")
        }
        guard name.isService, let root = BPFHindrance.rootSetting(of: unit.properties) else {
            return nil
        }
        return Failure(
            .failed, name.description,
            "systemd would run mptcpize inside its \(root)=, which does not contain mptcpize",
            remedy: (root == "RootDirectory" ? "set RootDirectoryStartOnly=yes in it, or " : "")
                + "use --runtime while it runs")
    }

    /// Writes the drop-in, and has systemd read it.
    ///
    /// - Returns: the drop-in's path.
    package func install(_ places: PolicyPlaces) throws(Failure) -> String {
        if let hindrance { throw hindrance }
        let program = try ServiceProgram.ownPath()
        let undo = "mptcpize policy remove --unit \(name.typed)"
        var dropIn =
            name.isSlice
            ? try slice(program, places, undo)
            : DropIn(
                section: "Service",
                // As BPFPlan does: outside of the sandbox, and no reason not to start.
                settings: [
                    "ExecStartPre=-+" + PolicyUnit.apply(program, "--unit %n", for: places),
                    "ExecStopPost=-+\(PolicyUnit.word(program)) policy remove --runtime --unit %n",
                ])
        dropIn.policy = places
        let store = Self.store(manager.configuration)
        let before = try store.write([DropInStore.Request(name, dropIn, undo: undo)])
        let path = store.file(of: name)
        SELinux.restoreLabels([path].compactMap { Bytes($0.utf8).directory?.text })
        do throws(Failure) { try manager.reload() } catch {
            try? before.perform()
            throw error
        }
        return path
    }

    private func slice(
        _ program: String, _ places: PolicyPlaces, _ undo: String
    ) throws(Failure) -> DropIn {
        try SlicePlan.refuseLate(program, for: name)
        let service = "\(Self.companionPrefix)\(name).service"
        let isPerpetual = unit.properties.isTrue("Perpetual")
        let text = SliceService.text(
            "Written by mptcpize. To take it away: \(undo)",
            description: "Rules for which connections of \(name) stay TCP",
            manual: "mptcpize-policy(8)", slice: "\(name)",
            mounts: PolicyUnit.mounts(program, places), settings: ["After=nftables.service"],
            command: PolicyUnit.apply(program, "--slice=%i", for: places))
        return DropIn(
            section: "Unit",
            settings: isPerpetual ? [] : ["Wants=\(service)", "After=\(service)"],
            companion: .init(name: service, text: text),
            link: isPerpetual ? "sysinit.target.wants/\(service)" : nil)
    }

    /// Takes a unit's drop-in away.
    ///
    /// - Returns: its path; nil where there was none.
    package static func remove(_ unit: String) throws(Failure) -> String? {
        let manager = try ServiceManager(.system)
        let typed = try UnitArgument(unit).name
        // A unit that is gone may have left its drop-in.
        let own = UnitName(try manager.properties(of: typed)["Id"]) ?? typed
        return try remove(typed.isTemplate ? own.template ?? typed : own, manager)
    }

    /// Takes all away, also where no systemd runs that would have to be told.
    ///
    /// - Returns: their paths.
    package static func removeAll() throws(Failure) -> [String] {
        let manager = ServiceManager.isRunning ? try ServiceManager(.system) : nil
        let path = manager?.configuration ?? ServiceManager.systemConfiguration
        var removed: [String] = []
        for unit in store(path).units() {
            if let path = try remove(unit, manager, in: path) { removed.append(path) }
        }
        return removed
    }

    private static func remove(
        _ unit: UnitName, _ manager: ServiceManager?, in directory: String? = nil
    ) throws(Failure) -> String? {
        let store = store(directory ?? manager?.configuration ?? ServiceManager.systemConfiguration)
        if let companion = try store.installed(unit)?.companion,
            let service = UnitName(companion.name)
        {
            // As long as it has a file: systemd knows no other that is stopped.
            try manager?.act("stop", service)
        }
        guard let found = try store.remove(unit) else { return nil }
        try manager?.reload()
        return found.path
    }

    private static func store(_ path: String) -> DropInStore { DropInStore(path, kind: .policy) }
}
