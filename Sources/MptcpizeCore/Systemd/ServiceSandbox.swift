import Glibc

/// What a service's sandbox does to a preload library: what the drop-in must add so
/// that the library can be loaded, or why nothing helps.
struct ServiceSandbox {
    let properties: UnitProperties
    let library: ServiceLibrary

    /// Programs see another file system than the host's.
    var hasOwnRoot: Bool {
        !["", "/"].contains(properties["RootDirectory"]) || !properties["RootImage"].isEmpty
    }

    /// Settings that let the library in.
    var settings: [String] {
        var settings: [String] = []
        if isHidden {
            settings += library.directories.map { "BindReadOnlyPaths=" + DropIn.escaped($0) }
        }
        // Each directory's mount would be noexec (NoExecPaths= since systemd 248).
        if !properties["NoExecPaths"].isEmpty {
            settings += library.directories.map { "ExecPaths=" + DropIn.escaped($0) }
        }
        return settings
    }

    /// The directories that systemd will make inside RootDirectory=, outermost first.
    var mountPoints: [String] {
        let root = properties["RootDirectory"]
        guard !["", "/"].contains(root) else { return [] }
        var result: [String] = []
        for directory in library.directories {
            var path = root
            for part in directory.split(separator: "/") {
                path += "/\(part)"
                if access(path, F_OK) != 0, !result.contains(path) { result.append(path) }
            }
        }
        return result
    }

    /// Why the service could not load the library, or would be killed by it.
    var hindrance: String? {
        inaccessible ?? killed
    }

    private var isHidden: Bool {
        if hasOwnRoot { return true }
        if properties["ProtectHome"] == "tmpfs", isBelow(Self.homes) { return true }
        let privateTmp = properties["PrivateTmp"]
        if !["", "no"].contains(privateTmp), isBelow(["/tmp", "/var/tmp"]) { return true }
        return isBelow(
            properties.words("TemporaryFileSystem").map {
                String($0.prefix { $0 != ":" })
            })
    }

    private var inaccessible: String? {
        let path = library.directories[0]
        if properties["ProtectHome"] == "yes", isBelow(Self.homes), !hasOwnRoot {
            return "ProtectHome= hides the preload library, which lies in \(path)"
        }
        let hidden = properties.words("InaccessiblePaths").map { word in
            String(word.drop { "-+".contains($0) })
        }
        return isBelow(hidden) ? "InaccessiblePaths= hides the preload library in \(path)" : nil
    }

    /// What the library calls where the program itself might not: it asks the kernel
    /// about its sockets, and replaces one by plain TCP under the same number.
    private static let calls = [
        "socket", "getsockopt", "setsockopt", "getsockname", "bind", "fcntl", "dup3", "close",
    ]

    /// A filter that answers with an error is harmless: the socket stays TCP then.
    private var killed: String? {
        let filter = properties["SystemCallFilter"]
        // 0 (systemd 247) and SECCOMP_ERROR_NUMBER_KILL mean that no number was set.
        guard !filter.isEmpty,
            ["", "0", "kill", "2147483646"].contains(properties["SystemCallErrorNumber"])
        else { return nil }
        let isDenyList = filter.hasPrefix("~")
        // "name:errno" is answered with that error.
        let names = Set((isDenyList ? filter.dropFirst() : filter[...]).split(separator: " "))
        let fatal = Self.calls.filter { names.contains(Substring($0)) == isDenyList }
        return fatal.isEmpty
            ? nil
            : "SystemCallFilter= kills on \(fatal.joined(separator: ", ")), "
                + "which the preload library may call"
    }

    private static let homes = ["/home", "/root", "/run/user"]

    private func isBelow(_ directories: [String]) -> Bool {
        library.directories.contains { path in
            directories.contains { path == $0 || path.hasPrefix($0.hasSuffix("/") ? $0 : $0 + "/") }
        }
    }
}
