import Launch
import LinuxSystem

/// A template's drop-in applies to every instance. If an instance's own drop-ins or environment files
/// set LD_PRELOAD, the template's drop-in would replace that value.
struct InstanceEnvironment {
    private let template: LoadedUnit
    private let manager: ServiceManager

    init(_ template: LoadedUnit, of manager: ServiceManager) {
        self.template = template
        self.manager = manager
    }

    /// - Throws: `Failure` for the first instance that sets one of these variables otherwise than
    ///   the template does. One that is enabled by itself has a drop-in that hides the template's.
    func refuseOthers(
        than environment: UnitEnvironment, _ names: [String]
    ) throws(Failure) {
        for properties in try instances() {
            guard let name = UnitName(properties["Id"]), !isEnabled(name, properties) else {
                continue
            }
            let own = try LoadedUnit(name, properties).environment(of: manager)
            for variable in names
            where !Self.isSame(own.values(of: variable), environment.values(of: variable)) {
                let origin = own.values(of: variable).compactMap { $0 }.first?.origin
                throw Failure(
                    .failed, name.description,
                    "has its own \(variable) (\(origin ?? "none")), which a drop-in for all "
                        + "instances would replace",
                    remedy: manager.command("mptcpize", "enable", name) + " first")
            }
        }
    }

    private func isEnabled(_ instance: UnitName, _ properties: UnitProperties) -> Bool {
        properties.words("DropInPaths").contains {
            $0.hasSuffix("/\(instance.dropInDirectory)/\(DropIn.fileName)")
        }
    }

    /// Wherever it was set.
    private static func isSame(
        _ own: [UnitEnvironment.Assignment?], _ common: [UnitEnvironment.Assignment?]
    ) -> Bool {
        own.map { $0.map { Bytes($0.text.utf8) } } == common.map { $0.map { Bytes($0.text.utf8) } }
    }

    /// Those that systemd has loaded, and those that have files of their own.
    private func instances() throws(Failure) -> [UnitProperties] {
        let loaded = try manager.instances(of: template.name)
        var known = Set(loaded.map { $0["Id"] })
        var result = loaded
        for directory in try manager.unitPath() {
            for entry in directoryEntries(directory) {
                let file = entry.hasSuffix(".d") ? String(entry.dropLast(2)) : entry
                guard let name = UnitName(file), name.template == template.name,
                    known.insert(name.description).inserted
                else { continue }
                result.append(try manager.properties(of: name))
            }
        }
        return result
    }
}
