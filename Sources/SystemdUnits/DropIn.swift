import ConnectionPolicy
import LinuxSystem
import SocketEvents

/// mptcpize's drop-in for one unit: its contents, and how it is written.
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

    /// What a drop-in is for; a unit can have one of each.
    package enum Kind: Sendable {
        /// Of `enable`.
        case enabled
        /// Of `policy apply --unit`.
        case policy

        var fileName: String {
            switch self {
            case .enabled: DropIn.fileName
            case .policy: "50-mptcpize-policy.conf"
            }
        }

        var environmentFileName: String { fileName.dropLast(".conf".count) + ".env" }

        var other: Kind { self == .policy ? .enabled : .policy }
    }

    /// "Service" or "Socket".
    package let section: String
    /// The settings, in their order, as they are written.
    package let settings: [String]
    /// The variables that only an EnvironmentFile= can set, with their values.
    package let environmentFile: [Variable]
    /// Directories that systemd will make inside the unit's RootDirectory= to mount the
    /// library on, outermost first; mptcpize takes them away with the drop-in.
    package let mountPoints: [String]
    /// A unit file that it needs, and others like it too; nil for most.
    package let companion: Companion?
    /// A link to that one, which has a target start it: its path beside the drop-ins.
    package let link: String?
    /// Where its rules for what stays TCP come from, so that `status` can look there again.
    package var policy = PolicyPlaces()

    /// A unit file beside the drop-ins, which goes with the last one that needs it.
    package struct Companion: Sendable, Hashable {
        /// The unit's name.
        package let name: String
        package let text: String
    }

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
        mountPoints: [String] = [], companion: Companion? = nil, link: String? = nil
    ) {
        self.section = section
        self.settings = settings
        self.environmentFile = environmentFile
        self.mountPoints = mountPoints
        self.companion = companion
        self.link = link
    }

    /// Whether systemd applies the drop-in of this path after mptcpize's.
    static func isAppliedBefore(_ path: String) -> Bool {
        fileName.utf8.lexicographicallyPrecedes(Bytes(path.utf8).lastPathComponent)
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
        if let companion { lines.append("Companion=\(companion.name)") }
        if let link { lines.append("Link=\(link)") }
        lines += policy.remembered
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
        Bytes(value.utf8.flatMap { $0 == UInt8(ascii: "%") ? [$0, $0] : [$0] }).text
    }

    /// A drop-in that lies on the disk.
    package struct Installed: Sendable, Equatable {
        /// The path of the drop-in.
        package let path: String
        package let text: String
        package let environmentText: String?
        package let directoriesMade: Int
        package let mountPoints: [String]
        /// The unit file that it needs, with what that says now.
        package let companion: Companion?
        package let link: String?
        /// Where its rules for what stays TCP come from.
        package let policy: PolicyPlaces
        /// Whether SO_PROTOCOL of MPTCP sockets reads IPPROTO_TCP.
        package let protocolAsTCP: Bool

        /// - Parameter unitText: what a unit file beside the drop-ins says; nil for none.
        /// - Returns: nil where this is not mptcpize's.
        init?(
            path: String, text: String, environmentText: String?,
            unitText: (String) -> String? = { _ in nil }
        ) {
            guard text.hasPrefix(header) else { return nil }
            let file = UnitFile(path: path, text: text)
            self.path = path
            self.text = text
            self.environmentText = environmentText
            directoriesMade =
                file.values("DirectoriesMade", in: "X-Mptcpize").first.flatMap { Int($0) } ?? 0
            mountPoints = file.values("MountPoint", in: "X-Mptcpize")
            policy = PolicyPlaces(remembered: file)
            protocolAsTCP = text.contains("\(MPTCPIZE_ENV_PROTOCOL_AS_TCP)=1")
            link = file.values("Link", in: "X-Mptcpize").first { Self.parts(ofLink: $0) != nil }
            companion = file.values("Companion", in: "X-Mptcpize").first.flatMap { name in
                UnitName(name).map { Companion(name: name, text: unitText($0.description) ?? "") }
            }
        }

        /// Of a link, the directory and the name; nil for what is no such path.
        static func parts(ofLink link: String) -> (directory: String, name: String)? {
            let parts = link.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0].hasSuffix(".wants"), let unit = UnitName(parts[1])
            else { return nil }
            return (String(parts[0]), unit.description)
        }

        package var mode: ServiceMode {
            BPFPlan.isMade(text) || SlicePlan.isMade(text) ? .bpf : .preload
        }

        /// Whether the drop-in would be written the same today.
        package func isUpToDate(_ wanted: DropIn) -> Bool {
            let directory = String(path.dropLast(DropIn.fileName.count + 1))
            let undo = String(text.dropFirst(header.count).prefix { $0 != "\n" })
            // By bytes: to Swift, texts are equal that Unicode calls equivalent.
            return wanted.environmentText(undoneBy: undo).map { Bytes($0.utf8) }
                == environmentText.map { Bytes($0.utf8) }
                && wanted.companion == companion && wanted.link == link
                && wanted.policy == policy
                && settingsOnly(text)
                    == settingsOnly(
                        wanted.text(undoneBy: undo, in: directory, directoriesMade: 0))
        }

        private func settingsOnly(_ text: String) -> [Bytes] {
            UnitFile(path: path, text: text).settings
                .filter { $0.section != "X-Mptcpize" }
                .map { Bytes("\($0.section).\($0.key)=\($0.value)".utf8) }
        }
    }
}

/// The settings of mptcpize's own section that say where rules come from. Their values are
/// escaped as in the canonical text: an unit file would take some bytes for something else.
extension PolicyPlaces {
    fileprivate var remembered: [String] {
        let file: [String] =
            switch files {
            case .places: []
            case .none: ["PolicyFile=none"]
            case .file(let path): ["PolicyFile=\(Policy.escaped(path))"]
            }
        return file + rules.map { "Rule=\(Policy.escaped($0))" }
            + (keepsTCP ? ["KeepTCP=yes"] : [])
    }

    fileprivate init(remembered file: UnitFile) {
        self.init()
        if let path = file.values("PolicyFile", in: "X-Mptcpize").first {
            setFiles(Policy.unescaped(path[...]))
        }
        rules = file.values("Rule", in: "X-Mptcpize").map { Policy.unescaped($0[...]) }
        keepsTCP = file.values("KeepTCP", in: "X-Mptcpize").first == "yes"
    }
}
