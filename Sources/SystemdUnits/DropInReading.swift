import Launch
import LinuxSystem

/// Whether systemd has read a drop-in of mptcpize as intended.
extension DropIn {
    /// The variable that is not what the drop-in makes it, and what it is; nil when all are.
    ///
    /// - Parameters:
    ///   - properties: what systemd says of the unit with the drop-in.
    ///   - before: the same without it, where that is known.
    package func misread(
        in properties: UnitProperties, before: UnitProperties?
    ) -> (name: String, value: String?)? {
        let now = properties.remaining
        let previous = before?.remaining ?? [:]
        for setting in settings where setting.hasPrefix("Environment=") {
            let words = UnitWords.split(setting: String(setting.dropFirst("Environment=".count)))
            for case (let name, let wanted)? in words.map(SystemdText.assignment) {
                guard let value = now[name],
                    Specifiers.literal(wanted)?.utf8.elementsEqual(value.utf8) ?? true
                else { return (name, now[name]) }
                if name == "LD_PRELOAD", !Self.holds(value, previous[name]) {
                    return (name, value)
                }
            }
        }
        return nil
    }

    /// Whether LD_PRELOAD names our library, and everything that it named before.
    private static func holds(_ value: String, _ previous: String?) -> Bool {
        let entries = PreloadList(Bytes(value.utf8)).entries
        let kept = PreloadList(Bytes((previous ?? "").utf8)).entries
        return entries.contains(where: PreloadList.isOurs)
            && kept.allSatisfy { PreloadList.isOurs($0) || entries.contains($0) }
    }
}

extension UnitProperties {
    /// Environment= without what UnsetEnvironment= takes away.
    fileprivate var remaining: [String: String] {
        let unsets = words("UnsetEnvironment")
        return assignments("Environment").filter {
            !unsets.contains($0.key) && !unsets.contains("\($0.key)=\($0.value)")
        }
    }
}
