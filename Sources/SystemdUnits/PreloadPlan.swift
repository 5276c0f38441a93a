import Launch
import LinuxSystem

/// How a service loads the preload library.
package struct ServiceLibrary: Sendable, Equatable {
    /// The file for programs of this machine's own architecture.
    package let file: String
    /// What LD_PRELOAD is to name: `file`, or a path with $LIB in it that fits 32-bit programs too.
    package let preload: String
    /// The directories of the libraries of all architectures.
    package let directories: [String]

    package init(file: String, preload: String, directories: [String]) {
        self.file = file
        self.preload = preload
        self.directories = directories
    }
}

extension ServiceLibrary {
    /// The library for programs of this machine's own architecture alone.
    package init(_ library: PreloadLibrary) {
        self.init(
            file: library.path.text, preload: library.path.text,
            directories: [library.path.directory?.text ?? "/"])
    }

    /// The path that a service's processes see it under.
    package func file(seenBy properties: UnitProperties) -> String {
        ServiceSandbox(properties: properties, library: self).file
    }
}

/// The drop-in that puts a service under the preload library.
package struct PreloadPlan: Sendable {
    let unit: UnitName
    let properties: UnitProperties
    let environment: UnitEnvironment
    let library: ServiceLibrary
    let variables: PreloadVariables

    package init(
        unit: UnitName, properties: UnitProperties, environment: UnitEnvironment,
        library: ServiceLibrary, variables: PreloadVariables = PreloadVariables()
    ) {
        self.unit = unit
        self.properties = properties
        self.environment = environment
        self.library = library
        self.variables = variables
    }

    /// - Throws: `Failure` where the unit's own settings win over any drop-in of this name.
    package func dropIn() throws(Failure) -> DropIn {
        let sandbox = ServiceSandbox(
            properties: properties, library: library, asksForProgram: variables.asksForProgram)
        if let hindrance = sandbox.hindrance {
            throw Failure(
                .failed, unit.description, hindrance.reason, remedy: hindrance.remedy)
        }
        let preload = sandbox.preload
        var settings: [String] = []
        var byFile: [DropIn.Variable] = []
        var unsets = environment.unsets
        for name in variables.names {
            let before = environment.values(of: name)
            guard let merged = variables.merged(name, before, preload: preload) else {
                continue
            }
            if let later = environment.laterUnset(of: name) {
                throw defeated(by: later, name, preload)
            }
            unsets.removeAll { $0 == name || $0 == "\(name)=\(merged.text)" }
            if environment.obstacle(toSetting: name) == nil {
                settings.append("Environment=" + UnitWords.quote("\(name)=\(merged.text)"))
            } else if let obstacle = environment.obstacle(toSettingByFile: name) {
                throw defeated(by: obstacle, name, preload)
            } else if merged.hasSpecifiers {
                let origin = before.compactMap { $0 }.first(where: \.hasSpecifiers)!.origin
                throw defeated(
                    by: .init(path: origin, reason: "sets \(name), with a specifier"), name,
                    preload)
            } else {
                byFile.append(DropIn.Variable(name, merged.value))
            }
        }
        if unsets != environment.unsets {
            settings.append("UnsetEnvironment=")
            if !unsets.isEmpty {
                settings.append(
                    "UnsetEnvironment=" + unsets.map(UnitWords.quote).joined(separator: " "))
            }
        }
        return DropIn(
            section: "Service", settings: settings + sandbox.settings, environmentFile: byFile,
            mountPoints: sandbox.mountPoints)
    }

    private func defeated(
        by obstacle: UnitEnvironment.Obstacle, _ name: String, _ preload: String
    ) -> Failure {
        Failure(
            .failed, unit.description,
            "\(obstacle.path) \(obstacle.reason), which wins over mptcpize's drop-in",
            remedy: variables.advice(name, preload: preload))
    }
}
