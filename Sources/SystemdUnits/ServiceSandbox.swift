import Glibc

/// What a service's sandbox does to a preload library: what the drop-in must add so
/// that the library can be loaded, or why nothing helps.
struct ServiceSandbox {
    let properties: UnitProperties
    let library: ServiceLibrary
    /// Whether a rule of the policy has the library find out the program's name.
    var asksForProgram = false

    /// Programs see another file system than the host's.
    private var hasOwnRoot: Bool { hasRootDirectory || hasRootImage }

    private var hasRootDirectory: Bool { !["", "/"].contains(properties["RootDirectory"]) }
    private var hasRootImage: Bool { !properties["RootImage"].isEmpty }

    /// Where the library's directory is mounted in a root that has an empty /run of its own.
    private static let place = "/run/mptcpize"

    /// Whether systemd mounts an empty /run in the service's own root. MountAPIVFS= does so
    /// since systemd 248, which is also what brought PrivateIPC=.
    private var hasOwnRun: Bool {
        hasOwnRoot && properties.isTrue("MountAPIVFS") && !properties["PrivateIPC"].isEmpty
    }

    /// What LD_PRELOAD is to name.
    var preload: String {
        hasOwnRoot ? file : library.preload
    }

    /// The library's file, by the path that the service sees it under.
    var file: String { hasOwnRun ? "\(Self.place)/libmptcpize.so" : library.file }

    /// The directories of the library as the service sees them.
    private var directories: [String] {
        if hasOwnRun { return [Self.place] }
        return hasOwnRoot ? [library.directories[0]] : library.directories
    }

    /// Settings that let the library in.
    var settings: [String] {
        var settings: [String] = []
        if hasOwnRun {
            settings.append(
                "BindReadOnlyPaths=\(DropIn.escaped(library.directories[0])):\(Self.place)")
        } else if isHidden {
            settings += directories.map { "BindReadOnlyPaths=" + DropIn.escaped($0) }
        }
        // Each directory's mount would be noexec (NoExecPaths= since systemd 248).
        if !properties["NoExecPaths"].isEmpty {
            settings += directories.map { "ExecPaths=" + DropIn.escaped($0) }
        }
        return settings
    }

    /// The directories that systemd will make inside RootDirectory=, outermost first.
    var mountPoints: [String] {
        guard hasRootDirectory, !hasOwnRun else { return [] }
        var result: [String] = []
        for directory in directories {
            var path = properties["RootDirectory"]
            for part in directory.split(separator: "/") {
                path += "/\(part)"
                if access(path, F_OK) != 0, !result.contains(path) { result.append(path) }
            }
        }
        return result
    }

    /// Why the service could not load the library, or would be killed by it, and what to do.
    struct Hindrance: Equatable {
        let reason: String
        let remedy: String
    }

    var hindrance: Hindrance? {
        if hasRootImage, !hasOwnRun {
            return Hindrance(
                reason: "RootImage= has no place to mount the preload library on",
                remedy: "set MountAPIVFS=yes in the unit (systemd 248 or newer), "
                    + "or use `mptcpize enable --mode bpf` (Linux 6.6 or newer)")
        }
        return inaccessible ?? killed
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

    private var inaccessible: Hindrance? {
        let path = directories[0]
        let remedy = "install mptcpize elsewhere: `make install PREFIX=/usr/local`"
        if properties["ProtectHome"] == "yes", isBelow(Self.homes), !hasOwnRoot {
            return Hindrance(
                reason: "ProtectHome= hides the preload library, which is in \(path)",
                remedy: remedy)
        }
        let hidden = properties.words("InaccessiblePaths").map { word in
            String(word.drop { "-+".contains($0) })
        }
        guard isBelow(hidden) else { return nil }
        return Hindrance(
            reason: "InaccessiblePaths= hides the preload library in \(path)", remedy: remedy)
    }

    /// The system calls that the library makes of its own, where the program did not ask for
    /// the same: it asks the kernel about sockets, and what lies unread in them, and replaces
    /// one by plain TCP under the same numbers, in the same epoll sets.
    static let calls = [
        "socket", "getsockopt", "setsockopt", "getsockname", "bind", "fcntl", "fstat", "dup3",
        "close", "openat", "read", "ppoll", "epoll_ctl", "eventfd2", "rt_sigprocmask", "recvfrom",
        "sendto",
    ]

    /// And this one where a rule asks for the program's name.
    static let callsForRules = ["readlinkat"]

    /// A filter that answers with an error is harmless: the library does without.
    private var killed: Hindrance? {
        let filter = properties["SystemCallFilter"]
        // 0 (systemd 247) and SECCOMP_ERROR_NUMBER_KILL mean that no number was set.
        guard !filter.isEmpty,
            ["", "0", "kill", "2147483646"].contains(properties["SystemCallErrorNumber"])
        else { return nil }
        let isDenyList = filter.hasPrefix("~")
        // "name:errno" is answered with that error.
        let words = (isDenyList ? filter.dropFirst() : filter[...]).split(separator: " ")
        let names = Set(words.map { isDenyList ? $0 : $0.prefix { $0 != ":" } })
        let calls = Self.calls + (asksForProgram ? Self.callsForRules : [])
        let fatal = calls.filter { names.contains(Substring($0)) == isDenyList }
        if fatal.isEmpty { return nil }
        return Hindrance(
            reason: "SystemCallFilter= kills programs that call \(fatal.joined(separator: ", ")), "
                + "which the preload library may call",
            remedy: "add `SystemCallFilter=\(isDenyList ? "~" : "")"
                + fatal.map { isDenyList ? "\($0):EPERM" : $0 }.joined(separator: " ")
                + "` to the unit (`systemctl edit`), or use `mptcpize enable --mode bpf` "
                + "(Linux 6.6 or newer)")
    }

    private static let homes = ["/home", "/root", "/run/user"]

    private func isBelow(_ directories: [String]) -> Bool {
        self.directories.contains { path in
            directories.contains { path == $0 || path.hasPrefix($0.hasSuffix("/") ? $0 : $0 + "/") }
        }
    }
}
