import BPFMode
import Launch
import LinuxSystem

/// Decides which drop-in a unit needs, asking systemd, its files and its programs.
package struct UnitPlanner {
    private let manager: ServiceManager
    private let locator: LibraryLocator

    package init(_ manager: ServiceManager, locator: LibraryLocator) {
        self.manager = manager
        self.locator = locator
    }

    /// - Parameters:
    ///   - others: the units that are enabled in the same go.
    /// - Throws: `Failure` for a unit that cannot be put under MPTCP this way.
    package func dropIn(
        for unit: LoadedUnit, mode: ServiceMode, variables: PreloadVariables = PreloadVariables(),
        beside others: [UnitName] = []
    ) throws(Failure) -> DropIn {
        if unit.name.isSlice {
            guard mode == .bpf else {
                throw Failure(
                    .usage, unit.name.description, "is a slice, which starts no program itself",
                    remedy: manager.command("mptcpize", "enable --mode bpf", unit.name)
                        + " covers all that runs in it (Linux 6.6 or newer)")
            }
            return try BPFPlan(unit: unit, scope: manager.scope).dropIn()
        }
        if unit.properties.isTrue("Transient") {
            throw Failure(
                .failed, unit.name.description, "is transient: its settings go when it stops",
                remedy: "`systemd-run … mptcpize run PROGRAM` starts it over MPTCP")
        }
        if let failure = try PayloadElsewhere(unit.name, unit.properties, mode: mode)
            .failure(of: manager)
        {
            throw failure
        }
        if mode == .bpf {
            try refuseActivatedBySocket(unit, beside: others)
            if let user = ServiceProgram(unit.name, unit.properties).kernelUser {
                throw Failure(
                    .failed, unit.name.description,
                    "\(user.path) gives its sockets to the kernel (\(user.part)), which takes TCP only"
                )
            }
            try refuseCountingOnEdges(unit)
            return try BPFPlan(unit: unit, scope: manager.scope).dropIn()
        }
        if unit.name.isSocket {
            return try SocketPlan(
                unit: unit.name, properties: unit.properties,
                isSupported: SocketPlan.probeSupport(), kernelHasMPTCP: SocketPlan.probeKernel()
            ).dropIn()
        }
        guard unit.name.isService else {
            throw Failure(
                .usage, unit.name.description, "opens no sockets itself",
                remedy: "name the service or the socket unit behind it")
        }
        try refuseActivatedBySocket(unit, beside: others)
        try refuseContainers(unit)
        let environment = try unit.environment(of: manager)
        let program = ServiceProgram(unit.name, unit.properties)
        let library = try program.library(
            from: locator, scope: manager.scope, environment: environment,
            keepsTCP: variables.keepsTCP)
        try refuseConfined(unit, program, library)
        var variables = variables
        if program.isPython, try isHandedMPTCP(unit, beside: others) {
            variables.protocolAsTCP = true
        }
        if unit.name.isTemplate {
            try InstanceEnvironment(unit, of: manager).refuseOthers(
                than: environment, variables.names)
        }
        return try PreloadPlan(
            unit: unit.name, properties: unit.properties, environment: environment,
            library: library, variables: variables
        ).dropIn()
    }

    /// No preload library enters a container, or another root.
    private func refuseContainers(_ unit: LoadedUnit) throws(Failure) {
        guard let starter = unit.containerStarters.first else { return }
        let itself = "`mptcpize enable --mode bpf \(unit.name.typed)`"
        let setting = starter.settingForUnit.map { "; with \($0) in it, \(itself) does" } ?? ""
        throw Failure(
            .failed, unit.name.description, "\(starter.name) \(starter.reason)",
            remedy: starter.remedy(here: "\(itself) reaches it (Linux 6.6 or newer)") + setting)
    }

    /// A profile of AppArmor's that is in force may not allow the library.
    private func refuseConfined(
        _ unit: LoadedUnit, _ program: ServiceProgram, _ library: ServiceLibrary
    ) throws(Failure) {
        // Go needs none.
        let reaches = program.reaches(with: locator).map(\.reach)
        if !reaches.isEmpty, reaches.allSatisfy(\.isGo) { return }
        let file = ServiceSandbox(properties: unit.properties, library: library).file
        if let confinement = SELinux.confinement(
            of: program.realPaths, properties: unit.properties, library: library.file)
        {
            throw Failure(
                .failed, unit.name.description, confinement.reason, remedy: confinement.remedy)
        }
        guard
            let confinement = AppArmor().confinement(
                of: program.realPaths, properties: unit.properties, library: file)
        else { return }
        throw Failure(
            .failed, unit.name.description, confinement,
            remedy: "add `\(file) mr,` to the profile and load it again (`apparmor_parser -r`), "
                + "or use `mptcpize enable --mode bpf \(unit.name.typed)` (Linux 6.6 or newer)")
    }

    /// The socket units that may start a service.
    private func socketUnits(behind unit: LoadedUnit) -> [UnitName] {
        var names = unit.properties.words("TriggeredBy").compactMap { UnitName($0) }
            .filter(\.isSocket)
        // Listed only while loaded.
        if let sibling = unit.name.sibling("socket"), !names.contains(sibling) {
            names.append(sibling)
        }
        return names
    }

    /// Whether systemd hands MPTCP sockets to a service, or will from now on.
    private func isHandedMPTCP(
        _ unit: LoadedUnit, beside others: [UnitName]
    ) throws(Failure) -> Bool {
        for name in socketUnits(behind: unit) {
            if others.contains(name) { return true }
            let socket = try manager.properties(of: name)
            if socket["LoadState"] == "loaded", socket["SocketProtocol"] == SocketPlan.mptcp {
                return true
            }
        }
        return false
    }

    /// What the preload library mends, the BPF mode does not.
    private func refuseCountingOnEdges(_ unit: LoadedUnit) throws(Failure) {
        for program in ServiceProgram(unit.name, unit.properties).reaches(with: locator) {
            guard program.file.countsOnEdges,
                let reason = LostEdges.reason(for: program.file.path)
            else { continue }
            throw Failure(
                .failed, unit.name.description, reason,
                remedy: "the preload library mends it: mptcpize enable \(unit.name.typed)")
        }
    }

    /// A listener that systemd opened is not the service's to make MPTCP.
    private func refuseActivatedBySocket(
        _ unit: LoadedUnit, beside others: [UnitName]
    ) throws(Failure) {
        for name in socketUnits(behind: unit) where !others.contains(name) {
            let socket = try manager.properties(of: name)
            guard socket["LoadState"] == "loaded",
                socket["ActiveState"] == "active" || socket["UnitFileState"] == "enabled",
                socket["SocketProtocol"] != SocketPlan.mptcp,
                socket.listeners.contains(where: {
                    $0.type == "Stream" && SocketPlan.isInternet($0.address)
                })
            else { continue }
            throw Failure(
                .failed, unit.name.description,
                "gets its listening socket from \(name), which systemd opens",
                remedy: remedy(name, socket))
        }
    }

    /// To enable the socket unit, where that will not be refused in its turn.
    private func remedy(_ socket: UnitName, _ properties: UnitProperties) -> String {
        let plan = SocketPlan(
            unit: socket, properties: properties, isSupported: SocketPlan.probeSupport(),
            kernelHasMPTCP: SocketPlan.probeKernel())
        do throws(Failure) {
            _ = try plan.dropIn()
        } catch {
            return error.object == socket.description && error.reason.hasPrefix("this systemd")
                ? error.remedy : "\(socket) \(error.reason): \(error.remedy)"
        }
        return manager.command("mptcpize", "enable", socket)
    }
}
