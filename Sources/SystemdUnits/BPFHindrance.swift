import Glibc
import Launch
import LinuxSystem

/// Why the BPF mode of a service would not reach it, as far as its settings show. The service is then
/// refused before anything is restarted.
enum BPFHindrance {
    static func of(_ unit: LoadedUnit) -> Failure? { ownRoot(unit) ?? elsewhere(unit) }

    /// systemd changes the root for all commands of a service, "+" or not; /run, with mptcpize's lock
    /// and systemd's socket, is an empty one there.
    private static func ownRoot(_ unit: LoadedUnit) -> Failure? {
        let properties = unit.properties
        guard let root = rootSetting(of: properties) else { return nil }
        let slice = properties["Slice"]
        return Failure(
            .failed, unit.name.description,
            "systemd would run mptcpize inside its \(root)=, where it cannot attach anything",
            remedy: (root == "RootDirectory"
                ? "set RootDirectoryStartOnly=yes in the unit, or " : "")
                + "`mptcpize enable --mode bpf \(slice.isEmpty ? "SLICE" : slice)`")
    }

    /// The setting by which commands before the main one have another root; nil for none.
    static func rootSetting(of properties: UnitProperties) -> String? {
        let root = ["RootDirectory", "RootImage"].first { !["", "/"].contains(properties[$0]) }
        return properties.isTrue("RootDirectoryStartOnly") ? nil : root
    }

    /// An engine that starts its containers in another cgroup than its own.
    private static func elsewhere(_ unit: LoadedUnit) -> Failure? {
        for starter in unit.containerStarters {
            guard case .slice(let slice, let cgroups) = starter.place else { continue }
            let setting = starter.settingForUnit.map { "add \($0) to it, or " } ?? ""
            return Failure(
                .failed, unit.name.description,
                "\(starter.name) runs its containers in \(cgroups), not in the unit's cgroup",
                remedy: setting + "`mptcpize enable --mode bpf \(slice)`")
        }
        return nil
    }
}

extension LoadedUnit {
    /// What it is where it starts containers for others.
    package var containerDaemon: ContainerDaemon? {
        properties.programs.lazy.compactMap { ContainerDaemon(program: $0) }.first
    }

    /// The container engines, and what gives programs another root, that it starts.
    var containerStarters: [ContainerStarter] {
        let user = properties["User"]
        return properties.commands.compactMap { command in
            ContainerStarter(
                program: command[0].text,
                arguments: command.dropFirst().map { Self.unquoted($0.text) },
                isScript: Self.isScript(command[0].text), isRoot: ["", "root", "0"].contains(user))
        }
    }

    /// A word of `sh -c "podman run …"`, which systemd shows with the quotes of its own.
    private static func unquoted(_ word: String) -> String {
        word.filter { $0 != "\"" && $0 != "'" }
    }

    private static func isScript(_ path: String) -> Bool {
        guard let file = try? Descriptor.open(path, O_RDONLY | O_NONBLOCK) else { return false }
        var begin: [UInt8] = [0, 0]
        return read(file.number, &begin, 2) == 2 && begin == Array("#!".utf8)
    }
}
