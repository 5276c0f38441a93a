import LinuxSystem

/// A unit's environment as one reading of systemd's has it.
struct EnvironmentReading: Sendable {
    typealias Assignment = UnitEnvironment.Assignment
    typealias Obstacle = UnitEnvironment.Obstacle

    private let files: [(file: UnitFile, isLater: Bool)]
    private let environmentFiles:
        [(path: String, isLater: Bool, pairs: [(name: String, value: String)])]
    private let manager: [String: String]
    private let passed: [String: String]
    /// The words of UnsetEnvironment=, as a setting has them.
    let unsets: [String]

    init(
        _ reading: SystemdReading, files: [UnitEnvironment.Source],
        environmentFiles: [UnitEnvironment.Source], manager: [String: String],
        passed: [String: String]
    ) {
        self.files = files.map {
            (UnitFile(path: $0.path, bytes: $0.bytes, reading: reading), $0.isLater)
        }
        self.environmentFiles = environmentFiles.map {
            ($0.path, $0.isLater, EnvironmentFile.parse($0.bytes, reading: reading) ?? [])
        }
        self.manager = manager
        self.passed = passed
        unsets = Self.unsets(of: self.files.map(\.file))
    }

    /// The value that the service's processes get; nil where they get none.
    ///
    /// - Parameter shown: what systemd itself has read, where that is to count.
    func value(of name: String, shown: UnitEnvironment.Shown?) -> Assignment? {
        guard let found = assigned(name, shown) else { return nil }
        let unsets = shown?.unsets ?? self.unsets.map { Specifiers.literal($0) ?? $0 }
        let value = found.hasSpecifiers ? shown?.settings[name] ?? found.value : found.value
        return unsets.contains(name) || unsets.contains("\(name)=\(value)") ? nil : found
    }

    private func assigned(_ name: String, _ shown: UnitEnvironment.Shown?) -> Assignment? {
        for file in environmentFiles.reversed() {
            if let value = file.pairs.last(where: { $0.name == name })?.value {
                return Assignment(value: value, hasSpecifiers: false, origin: file.path)
            }
        }
        if let setting = setting(name, shown) { return setting }
        if let value = passed[name] {
            return Assignment(value: value, hasSpecifiers: false, origin: "PassEnvironment=")
        }
        return manager[name].map {
            Assignment(value: $0, hasSpecifiers: false, origin: "the manager's environment")
        }
    }

    /// What Environment= says. Specifiers stay: they differ among instances, and from boot to boot.
    private func setting(_ name: String, _ shown: UnitEnvironment.Shown?) -> Assignment? {
        var setting: Assignment?
        for (file, _) in files {
            for value in file.values("Environment", in: "Service") {
                if value.isEmpty { setting = nil }
                if let last = Self.assignments(value).last(where: { $0.name == name })?.value {
                    let literal = Specifiers.literal(last)
                    setting = Assignment(
                        value: literal ?? last, hasSpecifiers: literal == nil, origin: file.path)
                }
            }
        }
        guard let shown else { return setting }
        guard let value = shown.settings[name] else { return nil }
        if let setting, setting.hasSpecifiers || setting.value.utf8.elementsEqual(value.utf8) {
            return setting
        }
        return Assignment(
            value: value, hasSpecifiers: false, origin: setting?.origin ?? "Environment=")
    }

    func obstacle(toSetting name: String) -> Obstacle? {
        for (file, _) in files.filter(\.isLater) {
            for value in file.values("Environment", in: "Service") {
                if value.isEmpty {
                    return Obstacle(path: file.path, reason: "resets Environment=")
                }
                if Self.assignments(value).contains(where: { $0.name == name }) {
                    return Obstacle(path: file.path, reason: "sets \(name)")
                }
            }
        }
        return environmentFiles.first { $0.pairs.contains { $0.name == name } }
            .map { Obstacle(path: $0.path, reason: "sets \(name)") }
    }

    func obstacle(toSettingByFile name: String) -> Obstacle? {
        for (file, _) in files.filter(\.isLater)
        where file.values("EnvironmentFile", in: "Service").contains("") {
            return Obstacle(path: file.path, reason: "resets EnvironmentFile=")
        }
        return environmentFiles.first { $0.isLater && $0.pairs.contains { $0.name == name } }
            .map { Obstacle(path: $0.path, reason: "sets \(name)") }
    }

    func laterUnset(of name: String) -> Obstacle? {
        let unsetting = files.first { file, isLater in
            isLater
                && Self.unsets(of: [file]).map { Specifiers.literal($0) ?? $0 }.contains(name)
        }
        return unsetting.map {
            Obstacle(path: $0.file.path, reason: "has UnsetEnvironment=\(name)")
        }
    }

    /// config_parse_environ() of src/core/load-fragment.c: what makes no assignment is left out.
    /// Specifiers are not expanded.
    private static func assignments(_ value: String) -> [(name: String, value: String)] {
        UnitWords.split(setting: value).compactMap(SystemdText.assignment)
    }

    /// config_parse_unset_environ(): each word once.
    private static func unsets(of files: [UnitFile]) -> [String] {
        var result: [String] = []
        for value in files.flatMap({ $0.values("UnsetEnvironment", in: "Service") }) {
            if value.isEmpty { result = [] }
            for word in UnitWords.split(setting: value)
            where SystemdText.isName(word) || SystemdText.assignment(word) != nil {
                if !result.contains(word.text) { result.append(word.text) }
            }
        }
        return result
    }
}

/// "%n" and its like in a setting: specifier_printf() of systemd's src/shared/specifier.c.
enum Specifiers {
    /// What a text is with all specifiers expanded; nil where only systemd can tell.
    static func literal(_ text: String) -> String? {
        var result: Bytes = []
        var isAfterPercent = false
        for byte in text.utf8 {
            if isAfterPercent {
                if isSpecifier(byte) { return nil }
                result += byte == UInt8(ascii: "%") ? [byte] : [UInt8(ascii: "%"), byte]
                isAfterPercent = false
            } else if byte == UInt8(ascii: "%") {
                isAfterPercent = true
            } else {
                result.append(byte)
            }
        }
        if isAfterPercent { result.append(UInt8(ascii: "%")) }
        return result.text
    }

    /// POSSIBLE_SPECIFIERS: an unknown one is an error, anything else stands for itself.
    private static func isSpecifier(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
