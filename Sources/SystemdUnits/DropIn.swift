/// mptcpize's drop-in for one unit: what it says, and how it is written.
///
/// The section X-Mptcpize is mptcpize's own; systemd skips sections of such names
/// (systemd.syntax(7)).
package struct DropIn: Sendable, Equatable {
    /// The drop-in's name. systemd applies drop-ins in the order of their names.
    package static let fileName = "50-mptcpize.conf"
    /// What goes beside it where only an EnvironmentFile= can win. Not ".conf": to
    /// systemd, it is no drop-in.
    package static let environmentFileName = "50-mptcpize.env"

    private static let header = "# Written by mptcpize. To take it away: "

    /// "Service" or "Socket".
    package let section: String
    /// The settings, in their order, as they are written.
    package let settings: [String]
    /// The variables that only an EnvironmentFile= can set, with their values.
    package let environmentFile: [Variable]
    /// Directories that systemd will make inside the unit's RootDirectory= to mount the
    /// library on, outermost first; mptcpize takes them away with the drop-in.
    package let mountPoints: [String]

    package struct Variable: Sendable, Equatable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package init(
        section: String, settings: [String], environmentFile: [Variable] = [],
        mountPoints: [String] = []
    ) {
        self.section = section
        self.settings = settings
        self.environmentFile = environmentFile
        self.mountPoints = mountPoints
    }

    /// Whether systemd applies a drop-in of this path after mptcpize's; never so for a
    /// unit's main file.
    static func isAppliedBefore(_ path: String) -> Bool {
        let parts = path.split(separator: "/")
        guard parts.count > 1, parts[parts.count - 2].hasSuffix(".d") else { return false }
        return Array(fileName.utf8).lexicographicallyPrecedes(Array(parts[parts.count - 1].utf8))
    }

    /// The content of the drop-in.
    ///
    /// - Parameters:
    ///   - directory: the path of the unit's drop-in directory.
    ///   - directoriesMade: how many directories mptcpize made to put it there, from
    ///     that one upwards; those go with it when they are empty.
    package func text(
        undoneBy command: String, in directory: String, directoriesMade: Int
    ) -> String {
        var lines = [Self.header + command, "[\(section)]"] + settings
        if !environmentFile.isEmpty {
            lines.append(
                "EnvironmentFile="
                    + Self.escaped(Self.literal("\(directory)/\(Self.environmentFileName)")))
        }
        lines += ["", "[X-Mptcpize]", "DirectoriesMade=\(directoriesMade)"]
        lines += mountPoints.map { "MountPoint=\($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The content of the file beside it; nil where there is none.
    package func environmentText(undoneBy command: String) -> String? {
        guard !environmentFile.isEmpty else { return nil }
        return Self.header + command + "\n"
            + environmentFile.map { EnvironmentFile.line($0.name, $0.value) }.joined()
    }

    /// A path for EnvironmentFile=, which systemd takes for a pattern of glob(3): units have
    /// backslashes in their names.
    static func literal(_ path: String) -> String {
        path.reduce(into: "") { result, character in
            if "\\*?[".contains(character) { result.append("\\") }
            result.append(character)
        }
    }

    /// A value in which systemd must find no specifier.
    package static func escaped(_ value: String) -> String {
        value.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%")
    }

    /// A drop-in that lies on the disk.
    package struct Installed: Sendable, Equatable {
        /// The path of the drop-in.
        package let path: String
        package let text: String
        package let environmentText: String?
        package let directoriesMade: Int
        package let mountPoints: [String]

        /// - Returns: nil where this is not mptcpize's.
        init?(path: String, text: String, environmentText: String?) {
            guard text.hasPrefix(header) else { return nil }
            let file = UnitFile(path: path, text: text)
            self.path = path
            self.text = text
            self.environmentText = environmentText
            directoriesMade =
                file.values("DirectoriesMade", in: "X-Mptcpize").first.flatMap { Int($0) } ?? 0
            mountPoints = file.values("MountPoint", in: "X-Mptcpize")
        }

        package var mode: ServiceMode { BPFPlan.isMade(text) ? .bpf : .preload }

        /// Whether the drop-in would be written the same today.
        package func isUpToDate(_ wanted: DropIn) -> Bool {
            let directory = String(path.dropLast(DropIn.fileName.count + 1))
            let undo = String(text.dropFirst(header.count).prefix { $0 != "\n" })
            return wanted.environmentText(undoneBy: undo) == environmentText
                && settingsOnly(text)
                    == settingsOnly(
                        wanted.text(undoneBy: undo, in: directory, directoriesMade: 0))
        }

        private func settingsOnly(_ text: String) -> [String] {
            UnitFile(path: path, text: text).settings
                .filter { $0.section != "X-Mptcpize" }.map { "\($0.section).\($0.key)=\($0.value)" }
        }
    }
}
