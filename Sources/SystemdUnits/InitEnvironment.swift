import LinuxSystem

/// PID 1's own environment, from which PassEnvironment= takes variables. A user's manager passes its
/// own environment to every service anyway.
enum InitEnvironment {
    /// Where systemd reads system.conf and system.conf.d, the one that counts least first.
    private static let directories = [
        "/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd", "/etc/systemd",
    ]

    /// What it was started with, and what ManagerEnvironment= adds (since 248), which the kernel
    /// does not show.
    static func variables() -> [String: String] {
        var result: [String: String] = [:]
        for entry in (try? contents(ofFile: "/proc/1/environ"))?.split(separator: 0) ?? [] {
            guard let pair = SystemdText.assignment(Bytes(entry)) else { continue }
            result[pair.name] = pair.value
        }
        for path in configuration() {
            guard let bytes = try? contents(ofFile: path) else { continue }
            for value in UnitFile(path: path, bytes: bytes)
                .values("ManagerEnvironment", in: "Manager")
            {
                for pair in UnitWords.split(setting: value).compactMap(SystemdText.assignment) {
                    result[pair.name] = Specifiers.literal(pair.value) ?? pair.value
                }
            }
        }
        return result
    }

    /// The files: drop-ins count in the order of their names, after the main ones.
    private static func configuration() -> [String] {
        let dropIns = directories.flatMap { directory in
            directoryEntries("\(directory)/system.conf.d").filter { $0.hasSuffix(".conf") }
                .map { (name: $0, path: "\(directory)/system.conf.d/\($0)") }
        }
        return directories.map { "\($0)/system.conf" }
            + dropIns.enumerated().sorted {
                ($0.element.name, $0.offset) < ($1.element.name, $1.offset)
            }.map(\.element.path)
    }
}
