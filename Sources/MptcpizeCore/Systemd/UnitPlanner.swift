/// Decides which drop-in a unit needs, asking systemd, its files and its programs.
struct UnitPlanner {
    private let manager: ServiceManager
    private let locator: LibraryLocator

    init(_ manager: ServiceManager, locator: LibraryLocator) {
        self.manager = manager
        self.locator = locator
    }

    /// - Parameters:
    ///   - others: the units that are enabled in the same go.
    /// - Throws: `Failure` for a unit that cannot be put under MPTCP this way.
    func dropIn(
        for unit: LoadedUnit, mode: ServiceMode, beside others: [UnitName] = []
    ) throws(Failure) -> DropIn {
        if mode == .bpf {
            try refuseActivatedBySocket(unit, beside: others)
            return try BPFPlan(unit: unit.name, scope: manager.scope).dropIn()
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
        if unit.properties.isTrue("Transient") {
            throw Failure(
                .failed, unit.name.description, "is transient: its settings go when it stops",
                remedy: "`systemd-run … mptcpize run PROGRAM` starts it over MPTCP")
        }
        try refuseActivatedBySocket(unit, beside: others)
        let environment = try unit.environment(of: manager)
        let library = try ServiceProgram(unit.name, unit.properties)
            .library(from: locator, scope: manager.scope, environment: environment)
        if let confinement = AppArmor().confinement(of: unit.properties, library: library.file) {
            throw Failure(
                .failed, unit.name.description, confinement,
                remedy: "allow `\(library.file) mr,` in its profile, or install mptcpize under /usr"
            )
        }
        return try PreloadPlan(
            unit: unit.name, properties: unit.properties, environment: environment,
            library: library
        ).dropIn()
    }

    /// A listener that systemd opened is not the service's to make MPTCP.
    private func refuseActivatedBySocket(
        _ unit: LoadedUnit, beside others: [UnitName]
    ) throws(Failure) {
        var names = unit.properties.words("TriggeredBy").compactMap { UnitName($0) }
            .filter(\.isSocket)
        // Listed only while loaded.
        if let sibling = unit.name.sibling("socket"), !names.contains(sibling) {
            names.append(sibling)
        }
        for name in names where !others.contains(name) {
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
                remedy: SocketPlan.probeSupport() == false
                    ? SocketPlan.unsupported(name, socket).remedy
                    : manager.command("mptcpize", "enable", name))
        }
    }
}
