/// A program that starts others in a container, or in another root. The host's preload library is
/// not there, whatever the environment says. The kernel can reach them by their cgroup, which the
/// engine chooses.
package struct ContainerStarter: Equatable, Sendable {
    /// Where what it starts runs.
    package enum Place: Equatable, Sendable {
        /// In the cgroup that the starter itself is in, or below it.
        case here
        /// In a slice of systemd's, whoever starts it: the slice, and what the engine calls its
        /// cgroups there.
        case slice(String, cgroups: String)
    }

    /// The engine's name, as its program is called.
    package let name: String
    /// Whether it makes containers; else it only changes the root.
    let isEngine: Bool
    package let place: Place

    /// What a command line starts; nil where that is no container, and no other root.
    ///
    /// - Parameters:
    ///   - program: the name or path of the program.
    ///   - arguments: its arguments, without its name; nil where they are not known.
    ///   - isScript: whether the program is a script: podman has one that is called docker.
    ///   - library: the preload library, which a sandbox may show to its program.
    ///   - isRoot: whether root starts it.
    package init?(
        program: String, arguments: @autoclosure () -> [String]?, isScript: Bool = false,
        library: @autoclosure () -> String? = nil, isRoot: Bool
    ) {
        let called = Self.lastPart(program)
        let name = called == "docker" && isScript ? "podman" : called
        if let engine = Self.engine(name) {
            let arguments = arguments()
            if let arguments, !engine.starts(arguments) { return nil }
            self.name = name
            isEngine = true
            place = Self.place(of: name, engine, arguments ?? [], isRoot: isRoot)
        } else if Self.changesRoot(name) {
            if let arguments = arguments(), Self.keepsRoot(name, arguments, library()) {
                return nil
            }
            self.name = name
            isEngine = false
            place = .here
        } else if Self.startsAnother(name) {
            guard let arguments = arguments(),
                let start = arguments.firstIndex(where: Self.isKnown),
                let inner = ContainerStarter(
                    program: arguments[start], arguments: Array(arguments[(start + 1)...]),
                    library: library(), isRoot: isRoot)
            else { return nil }
            self = inner
        } else {
            return nil
        }
    }

    /// What the user is told about a preload library.
    package var reason: String {
        isEngine
            ? "starts containers, which no preload library enters"
            : "gives its program another root, which no preload library enters"
    }

    /// What reaches it: where it runs, and what to type for that.
    ///
    /// - Parameter here: what to type where it stays in the starter's cgroup.
    package func remedy(here: String) -> String {
        guard case .slice(let slice, let cgroups) = place else { return here }
        var text = "they run in \(cgroups): `mptcpize enable --mode bpf \(slice)` reaches them all"
        switch name {
        case "podman" where slice == "machine.slice":
            text += ", `podman run --annotation mptcpize=on` one"
        case "docker", "nerdctl":
            text += ", with `--cgroup-parent NAME.slice` those of another slice"
        case "crun", "runc", "youki":
            text += ", `mptcpize bpf attach --oci` as a createRuntime hook one"
        default: break
        }
        return text
    }

    /// What a unit could say so that the BPF mode of the unit itself reaches what it starts.
    package var settingForUnit: String? {
        guard case .slice = place else { return nil }
        return switch name {
        case "podman": "--cgroups=split"
        case "systemd-nspawn": "--keep-unit"
        default: nil
        }
    }
}

// MARK: - Daemons

/// A daemon that starts containers for others: what reaches itself does not reach them.
package struct ContainerDaemon: Equatable, Sendable {
    let slice: String
    let cgroups: String

    /// - Parameter program: the path of a program; nil where it is no such daemon.
    package init?(program: String) {
        let kubernetes = ("kubepods.slice", "kubepods.slice")
        switch program.split(separator: "/").last {
        case "dockerd": (slice, cgroups) = ("system.slice", "system.slice/docker-*.scope")
        case "containerd", "crio", "kubelet", "k3s", "k0s": (slice, cgroups) = kubernetes
        case "lxd", "incusd", "lxc-monitord": (slice, cgroups) = ("-.slice", "lxc.payload.NAME")
        default: return nil
        }
    }

    /// What the user is told beside what reaches the daemon.
    package var reason: String { "the containers that it starts run elsewhere, in \(cgroups)" }

    /// What to type for those.
    package var command: String { "mptcpize enable --mode bpf \(slice)" }
}

// MARK: - Engines

extension ContainerStarter {
    /// Where an engine puts its containers, and which of its verbs start any.
    private struct Engine {
        let slice: String
        /// Under a user's own engine; nil for one that a daemon of root's works for.
        var usersSlice: String? = "user.slice"
        let cgroups: String
        /// Nil: every call starts something.
        var verbs: Set<String>?

        func starts(_ arguments: [String]) -> Bool {
            guard let verbs else { return !arguments.contains("--version") }
            // Options may have values, which look like verbs to who does not know them all.
            return arguments.contains { verbs.contains($0) }
        }
    }

    private static var dockerVerbs: Set<String> {
        ["run", "start", "restart", "exec", "compose", "up", "build", "stack", "service"]
    }

    /// Looked up for each program that `run` starts: no table is made for that.
    private static func engine(_ name: String) -> Engine? {
        let libpod = "machine.slice/libpod-*.scope"
        let config = "the cgroup that config.json names (linux.cgroupsPath)"
        switch name {
        case "podman":
            return Engine(
                slice: "machine.slice", cgroups: libpod,
                verbs: [
                    "run", "start", "restart", "exec", "kube", "play", "compose", "build", "pod",
                ])
        case "podman-compose":
            return Engine(
                slice: "machine.slice", cgroups: libpod, verbs: ["up", "run", "start", "restart"])
        case "docker":
            return Engine(
                slice: "system.slice", usersSlice: nil, cgroups: "system.slice/docker-*.scope",
                verbs: dockerVerbs)
        case "docker-compose":
            return Engine(
                slice: "system.slice", usersSlice: nil, cgroups: "system.slice/docker-*.scope",
                verbs: ["up", "run", "start", "restart"])
        case "nerdctl":
            return Engine(
                slice: "system.slice", cgroups: "system.slice/nerdctl-*.scope", verbs: dockerVerbs)
        case "ctr":
            return Engine(
                slice: "-.slice", usersSlice: nil, cgroups: "/NAMESPACE/ID (ctr run --cgroup)",
                verbs: ["run", "start", "exec"])
        case "crictl":
            return Engine(
                slice: "kubepods.slice", usersSlice: nil, cgroups: "kubepods.slice",
                verbs: ["run", "runp", "start", "exec"])
        case "crun", "runc", "youki":
            return Engine(
                slice: "-.slice", cgroups: config,
                verbs: ["run", "start", "create", "exec", "restore"])
        case "buildah":
            return Engine(
                slice: "-.slice", cgroups: "cgroups of their own",
                verbs: ["run", "bud", "build", "build-using-dockerfile"])
        case "systemd-nspawn":
            return Engine(slice: "machine.slice", cgroups: "machine.slice/machine-*.scope")
        case "machinectl":
            return Engine(
                slice: "machine.slice", usersSlice: nil, cgroups: "machine.slice",
                verbs: ["start", "shell", "login"])
        case "lxc-start", "lxc-execute", "lxc-attach", "lxc-unpriv-start", "lxc-unpriv-attach":
            return Engine(slice: "-.slice", cgroups: "lxc.payload.NAME")
        case "lxc", "incus":
            return Engine(
                slice: "-.slice", usersSlice: nil, cgroups: "lxc.payload.NAME",
                verbs: ["launch", "start", "restart", "exec", "shell"])
        case "flatpak", "toolbox", "distrobox":
            return Engine(
                slice: "user.slice", cgroups: "scopes below user.slice",
                verbs: ["run", "enter", "create", "start", "exec"])
        case "distrobox-enter":
            return Engine(slice: "user.slice", cgroups: "scopes below user.slice")
        default: return nil
        }
    }

    private static func place(
        of name: String, _ engine: Engine, _ arguments: [String], isRoot: Bool
    ) -> Place {
        if name == "podman", let mode = value(of: "--cgroups", in: arguments),
            ["split", "disabled"].contains(mode)
        {
            return .here
        }
        if name == "systemd-nspawn", arguments.contains("--keep-unit") { return .here }
        let parent =
            value(of: "--cgroup-parent", in: arguments) ?? value(of: "--slice", in: arguments)
        if let parent, lastPart(parent).hasSuffix(".slice") {
            return .slice(lastPart(parent), cgroups: lastPart(parent))
        }
        if !isRoot, let slice = engine.usersSlice {
            return .slice(slice, cgroups: "scopes below \(slice)")
        }
        return .slice(engine.slice, cgroups: engine.cgroups)
    }

    /// What "--name value" or "--name=value" says.
    private static func value(of name: String, in arguments: [String]) -> String? {
        for (index, word) in arguments.enumerated() {
            if word == name, index + 1 < arguments.count { return arguments[index + 1] }
            if word.hasPrefix(name + "=") { return String(word.dropFirst(name.count + 1)) }
        }
        return nil
    }
}

// MARK: - Other roots

extension ContainerStarter {
    private static func changesRoot(_ name: String) -> Bool {
        switch name {
        case "chroot", "schroot", "dchroot", "unshare", "nsenter", "bwrap", "firejail", "proot",
            "apptainer", "singularity":
            true
        default: false
        }
    }

    /// Whether the program that it starts sees the same files.
    private static func keepsRoot(
        _ name: String, _ arguments: [String], _ library: String?
    ) -> Bool {
        switch name {
        case "chroot":
            return arguments.first { !$0.hasPrefix("-") }?.allSatisfy { $0 == "/" } ?? true
        case "unshare":
            return (value(of: "--root", in: arguments) ?? value(of: "-R", in: arguments) ?? "/")
                .allSatisfy { $0 == "/" }
        case "nsenter":
            return !arguments.contains {
                $0.hasPrefix("-m") || $0.hasPrefix("-r") || $0.hasPrefix("-a")
                    || ["--mount", "--root", "--all"].contains($0.prefix { $0 != "=" })
            }
        case "bwrap": return bubblewrap(arguments, shows: library)
        default: return arguments.isEmpty || arguments.contains("--version")
        }
    }

    /// Whether the program that bwrap starts finds a file by the name that it has here.
    private static func bubblewrap(_ arguments: [String], shows library: String?) -> Bool {
        guard let library, !arguments.contains("--clearenv") else { return false }
        var isShown = false
        for (index, word) in arguments.enumerated() {
            let binds = ["--bind", "--ro-bind", "--dev-bind", "--bind-try", "--ro-bind-try"]
            if binds.contains(word), index + 2 < arguments.count {
                let (source, target) = (arguments[index + 1], arguments[index + 2])
                if isBelow(library, target) { isShown = source == target }
            } else if ["--tmpfs", "--overlay", "--ro-overlay", "--tmp-overlay"].contains(word),
                index + 1 < arguments.count, isBelow(library, arguments[index + 1])
            {
                isShown = false
            }
        }
        return isShown
    }

    private static func isBelow(_ path: String, _ directory: String) -> Bool {
        path.hasPrefix(directory.hasSuffix("/") ? directory : directory + "/")
    }

    /// Whether a program becomes another one, or starts it in the same cgroup and root.
    private static func startsAnother(_ name: String) -> Bool {
        switch name {
        case "sh", "bash", "dash", "env", "nice", "ionice", "chrt", "taskset", "timeout", "nohup",
            "setsid", "stdbuf", "setpriv", "sudo", "doas", "runuser", "flock":
            true
        default: false
        }
    }

    private static func isKnown(_ word: String) -> Bool {
        let name = lastPart(word)
        return engine(name) != nil || changesRoot(name)
    }

    private static func lastPart(_ path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(path[path.utf8.index(after: slash)...])
    }
}
