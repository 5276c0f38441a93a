/// What decides the environment of a service's processes, before mptcpize's drop-in.
///
/// systemd puts it together in this order, later ones winning (build_environment() and
/// exec_child() of its src/core): what the manager hands to every service,
/// PassEnvironment=, Environment=, EnvironmentFile=; UnsetEnvironment= then takes away.
package struct UnitEnvironment: Sendable {
    /// A variable's value, and where it was set.
    package struct Assignment: Sendable, Equatable {
        package let value: String
        /// Whether systemd has yet to expand specifiers ("%n") in it.
        package let hasSpecifiers: Bool
        /// The file, or "the manager's environment".
        package let origin: String
    }

    /// One file that EnvironmentFile= names.
    package struct LoadedFile: Sendable {
        package let path: String
        package let assignments: [(name: String, value: String)]
        /// Whether a drop-in that is applied after mptcpize's names it.
        package let isLater: Bool

        package init(
            path: String, assignments: [(name: String, value: String)], isLater: Bool = false
        ) {
            self.path = path
            self.assignments = assignments
            self.isLater = isLater
        }
    }

    /// Why a variable cannot be set in a certain place.
    package struct Obstacle: Sendable, Equatable {
        /// The file that wins.
        package let path: String
        package let reason: String
    }

    /// The unit's files in the order in which they are applied, mptcpize's own left out.
    private let files: [UnitFile]
    private let environmentFiles: [LoadedFile]
    private let manager: [String: String]
    private let passed: [String: String]

    /// - Parameters:
    ///   - passed: the manager's own process environment, for PassEnvironment=.
    package init(
        files: [UnitFile], environmentFiles: [LoadedFile] = [], manager: [String: String] = [:],
        passed: [String: String] = [:]
    ) {
        self.files = files
        self.environmentFiles = environmentFiles
        self.manager = manager
        self.passed = passed
    }

    /// The value that the service's processes get; nil where they get none.
    package func value(of name: String) -> Assignment? {
        guard let found = assigned(name), !unsets.contains(name) else { return nil }
        return unsets.contains("\(name)=\(found.value)") ? nil : found
    }

    private func assigned(_ name: String) -> Assignment? {
        for file in environmentFiles.reversed() {
            if let value = file.assignments.last(where: { $0.name == name })?.value {
                return Assignment(value: value, hasSpecifiers: false, origin: file.path)
            }
        }
        var setting: Assignment?
        for file in files {
            for value in file.values("Environment", in: "Service") {
                if value.isEmpty { setting = nil }
                for word in UnitWords.split(value) where word.hasPrefix(name + "=") {
                    setting = Assignment(
                        value: String(word.dropFirst(name.count + 1)),
                        hasSpecifiers: word.contains("%"), origin: file.path)
                }
            }
        }
        if let setting { return setting }
        if words("PassEnvironment").contains(name), let value = passed[name] {
            return Assignment(value: value, hasSpecifiers: false, origin: "PassEnvironment=")
        }
        return manager[name].map {
            Assignment(value: $0, hasSpecifiers: false, origin: "the manager's environment")
        }
    }

    /// What would win over an Environment= of mptcpize's drop-in.
    package func obstacle(toSetting name: String) -> Obstacle? {
        for file in laterFiles {
            for value in file.values("Environment", in: "Service") {
                if value.isEmpty {
                    return Obstacle(path: file.path, reason: "resets Environment=")
                }
                if UnitWords.split(value).contains(where: { $0.hasPrefix(name + "=") }) {
                    return Obstacle(path: file.path, reason: "sets \(name)")
                }
            }
        }
        return environmentFiles.first { $0.assigns(name) }
            .map { Obstacle(path: $0.path, reason: "sets \(name)") }
    }

    /// What would win over an EnvironmentFile= of mptcpize's drop-in.
    package func obstacle(toSettingByFile name: String) -> Obstacle? {
        for file in laterFiles where file.values("EnvironmentFile", in: "Service").contains("") {
            return Obstacle(path: file.path, reason: "resets EnvironmentFile=")
        }
        return environmentFiles.first { $0.isLater && $0.assigns(name) }
            .map { Obstacle(path: $0.path, reason: "sets \(name)") }
    }

    /// The file, applied after mptcpize's drop-in, whose UnsetEnvironment= names a variable.
    package func laterUnset(of name: String) -> Obstacle? {
        laterFiles.first {
            $0.values("UnsetEnvironment", in: "Service").flatMap(UnitWords.split).contains(name)
        }.map { Obstacle(path: $0.path, reason: "has UnsetEnvironment=\(name)") }
    }

    /// The words of UnsetEnvironment=: names, and "NAME=value" for that value only.
    package var unsets: [String] { words("UnsetEnvironment") }

    private var laterFiles: [UnitFile] { files.filter { DropIn.isAppliedBefore($0.path) } }

    private func words(_ key: String) -> [String] {
        var result: [String] = []
        for value in files.flatMap({ $0.values(key, in: "Service") }) {
            result = value.isEmpty ? [] : result + UnitWords.split(value)
        }
        return result
    }
}

extension UnitEnvironment.LoadedFile {
    fileprivate func assigns(_ name: String) -> Bool {
        assignments.contains { $0.name == name }
    }
}
