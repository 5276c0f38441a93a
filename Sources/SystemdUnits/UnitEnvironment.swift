import LinuxSystem

/// What decides the environment of a service's processes, before mptcpize's drop-in.
///
/// systemd puts it together in this order, later ones winning (build_environment() and
/// exec_child() of its src/core): what the manager hands to every service,
/// PassEnvironment=, Environment=, EnvironmentFile=; UnsetEnvironment= then takes away.
///
/// Releases of systemd read some files differently. Every reading counts: what one of them takes
/// as set is taken as set.
package struct UnitEnvironment: Sendable {
    /// A variable's value, and where it was set.
    package struct Assignment: Sendable, Equatable {
        /// With specifiers, as a setting has it: "%%" for a percent sign.
        package let value: String
        /// Whether systemd has yet to expand specifiers ("%n") in it.
        package let hasSpecifiers: Bool
        /// The file, or "the manager's environment".
        package let origin: String

        /// As a setting has it.
        var text: String { hasSpecifiers ? value : DropIn.escaped(value) }
    }

    /// A unit's file or drop-in, or one that EnvironmentFile= names.
    package struct Source: Sendable {
        package let path: String
        package let bytes: Bytes
        /// Whether mptcpize's drop-in is applied before it; of an environment file, before the
        /// drop-in that names it.
        package let isLater: Bool

        package init(path: String, bytes: Bytes, isLater: Bool = false) {
            self.path = path
            self.bytes = bytes
            self.isLater = isLater
        }
    }

    /// What systemd itself has read from the unit's files, specifiers expanded.
    package struct Shown: Sendable {
        package let settings: [String: String]
        package let unsets: [String]

        package init(settings: [String: String], unsets: [String]) {
            self.settings = settings
            self.unsets = unsets
        }
    }

    /// Why a variable cannot be set in a certain place.
    package struct Obstacle: Sendable, Equatable {
        /// The file that wins.
        package let path: String
        package let reason: String
    }

    /// The latest release's first.
    private let readings: [EnvironmentReading]
    private let shown: Shown?

    /// - Parameters:
    ///   - files: the unit's in the order in which they are applied, mptcpize's own left out.
    ///   - manager: what it hands to every service.
    ///   - passed: of the manager's own variables those that PassEnvironment= names.
    ///   - shown: nil where mptcpize's drop-in is part of that, or the files have changed since.
    package init(
        files: [Source], environmentFiles: [Source] = [], manager: [String: String] = [:],
        passed: [String: String] = [:], shown: Shown? = nil
    ) {
        readings = SystemdReading.all.reversed().map {
            EnvironmentReading(
                $0, files: files, environmentFiles: environmentFiles, manager: manager,
                passed: passed)
        }
        self.shown = shown
    }

    /// The value that the service's processes get, by each reading: that of systemd itself first,
    /// where it is known; nil where they get none.
    package func values(of name: String) -> [Assignment?] {
        let own = shown.map { shown in readings.map { $0.value(of: name, shown: shown) } } ?? []
        var distinct: [Assignment?] = []
        for value in own + readings.map({ $0.value(of: name, shown: nil) })
        where !distinct.contains(where: { Self.isSame($0, value) }) {
            distinct.append(value)
        }
        return distinct
    }

    /// By bytes: to Swift, texts are equal that Unicode calls equivalent.
    private static func isSame(_ one: Assignment?, _ other: Assignment?) -> Bool {
        one?.hasSpecifiers == other?.hasSpecifiers
            && one.map { Bytes($0.value.utf8) } == other.map { Bytes($0.value.utf8) }
    }

    /// What would win over an Environment= of mptcpize's drop-in.
    package func obstacle(toSetting name: String) -> Obstacle? {
        readings.lazy.compactMap { $0.obstacle(toSetting: name) }.first
    }

    /// What would win over an EnvironmentFile= of mptcpize's drop-in.
    package func obstacle(toSettingByFile name: String) -> Obstacle? {
        readings.lazy.compactMap { $0.obstacle(toSettingByFile: name) }.first
    }

    /// The file, applied after mptcpize's drop-in, whose UnsetEnvironment= names a variable.
    package func laterUnset(of name: String) -> Obstacle? {
        readings.lazy.compactMap { $0.laterUnset(of: name) }.first
    }

    /// The words of UnsetEnvironment=, as a setting has them: names, and "NAME=value" for that
    /// value only.
    package var unsets: [String] {
        guard let shown else { return readings[0].unsets }
        return readings.lazy.map(\.unsets).first { $0.count == shown.unsets.count }
            ?? shown.unsets.map(DropIn.escaped)
    }
}
