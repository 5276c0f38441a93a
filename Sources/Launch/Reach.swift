import LinuxSystem

/// Whether what mptcpize puts into a program's environment reaches its sockets.
package enum Reach: Equatable, Sendable {
    /// The dynamic loader loads the preload library.
    case preload
    /// The Go runtime makes MPTCP sockets when GODEBUG says so.
    case go(GoVersion)
    /// It may be executed and not read.
    case unknown
    case never(Obstacle)

    /// Why a preload library does not get into a program.
    package enum Obstacle: Equatable, Sendable {
        case staticallyLinked
        case privileges(PrivilegeChange)
        case addressSanitizer
        case oldGo(GoVersion)
        case environmentCleared
        /// It starts its program past the preload library.
        case wrapper(Wrapper)
        /// None is installed for programs of this architecture.
        case noLibrary(Architecture)
        /// What it starts is in a container, or has another root.
        case container(ContainerStarter)
    }

    /// - Parameter hasLibrary: Whether a preload library for that architecture is installed.
    package init(to program: ProgramFile, hasLibrary: (Architecture) -> Bool) {
        guard let image = program.image else {
            self = program.privilegeChange.map { .never(.privileges($0)) } ?? .unknown
            return
        }
        if let version = image.goVersion {
            self = version.knowsMultipath ? .go(version) : .never(.oldGo(version))
        } else if let change = program.privilegeChange {
            self = .never(.privileges(change))
        } else if image.loader == nil, !image.isLoader, !Installation.isCommand(program.path) {
            self = .never(.staticallyLinked)
        } else if image.needsAddressSanitizer {
            self = .never(.addressSanitizer)
        } else if program.losesPreload {
            self = .never(.environmentCleared)
        } else if !hasLibrary(image.architecture) {
            self = .never(.noLibrary(image.architecture))
        } else {
            self = .preload
        }
    }

    /// The same with what the program's arguments tell: whether it starts another one so that the
    /// library does not come along.
    func following(_ arguments: [Bytes]) -> Reach {
        guard self == .preload || self == .never(.privileges(.setUser)),
            let wrapper = Wrapper(arguments), wrapper.effect != .emulates
        else { return self }
        return .never(.wrapper(wrapper))
    }

    /// Whether a Go program does by itself what GODEBUG says.
    package var isGo: Bool { if case .go = self { true } else { false } }

    /// Whether LD_PRELOAD is set for what the program may start, although the
    /// program itself does not follow it. With AddressSanitizer, and for another
    /// architecture, the loader would print errors or give up.
    var helpsChildren: Bool {
        switch self {
        case .never(.addressSanitizer), .never(.noLibrary), .never(.container): false
        default: true
        }
    }

    /// What the user is told about the program, a line; nil where all is as asked for.
    ///
    /// - Parameters:
    ///   - subject: The program as the user named it, and what is started for it.
    ///   - userSetsGoDebug: Whether GODEBUG was left to the user, who sets multipathtcp there.
    ///   - kernel: Whether the kernel does what the preload library cannot.
    package func note(
        for subject: Subject, userSetsGoDebug: Bool, kernel: KernelAnswer = .notAsked
    ) -> String? {
        switch self {
        case .preload:
            return nil
        case .unknown:
            return subject.line(
                "cannot be read, so it is not known whether a preload library reaches it")
        case .go(let version) where userSetsGoDebug:
            return subject.line(
                "built by \(version.text), and your GODEBUG=multipathtcp= decides for it")
        case .go(let version):
            return subject.line(
                "built by \(version.text): GODEBUG=multipathtcp=1 makes it use MPTCP; "
                    + "no library mends its sockets' options, but --mode bpf does")
        case .never(.container(let starter)) where starter.place != .here:
            return subject.line("\(starter.reason); \(starter.remedy(here: ""))")
        case .never(let obstacle):
            var text = "\(obstacle.reason): \(kernel.consequence)"
            let remedy: String? =
                switch (kernel, obstacle) {
                case (.notAsked, _): obstacle.remedy
                case (.refused, .wrapper(let wrapper)) where wrapper.startingInside != nil:
                    wrapper.startingInside
                case (.refused, _) where obstacle.isReachedBySupervisor:
                    "`mptcpize run --mode seccomp` reaches it (Linux 5.9 or newer)"
                default: nil
                }
            if let remedy { text += "; \(remedy)" }
            return subject.line(text)
        }
    }

    /// A program, as messages name it.
    package struct Subject: Equatable, Sendable {
        /// As the user named it.
        let program: Bytes
        /// What is started for it: differs for a script.
        let file: Bytes

        func line(_ text: String) -> String {
            let names = program == file ? program.text : "\(program.text): \(file.text)"
            return "\(names): \(text)".printable
        }
    }

    /// What became of the wish that the kernel make a program's sockets MPTCP.
    package enum KernelAnswer: Sendable {
        /// Only root may ask, and only where the mode is not "preload".
        case notAsked
        /// Why it does not.
        case refused(String)
        case granted
        /// It makes no MPTCP sockets, whatever the program asks for.
        case keepsTCP

        var consequence: String {
            switch self {
            case .notAsked: "it stays TCP"
            case .refused(let reason):
                "it stays TCP; the BPF mode would reach it, but \(reason)"
            case .granted: "the kernel makes its sockets MPTCP (BPF mode)"
            case .keepsTCP: "the kernel keeps its sockets TCP (BPF mode)"
            }
        }

        /// For a program that GODEBUG=multipathtcp=0 keeps TCP.
        var consequenceForGo: String {
            let own = "GODEBUG=multipathtcp=0 keeps it TCP, unless it asks for MPTCP itself"
            return switch self {
            case .notAsked, .granted: own
            case .refused(let reason): "\(own); the BPF mode would keep that TCP too, but \(reason)"
            case .keepsTCP: consequence
            }
        }
    }
}

extension Reach.Obstacle {
    package var reason: String {
        switch self {
        case .staticallyLinked: "statically linked, so no preload library reaches it"
        case .privileges(.setUser):
            "runs as another user (set-uid), so its loader ignores LD_PRELOAD"
        case .privileges(.setGroup):
            "runs as another group (set-gid), so its loader ignores LD_PRELOAD"
        case .privileges(.fileCapabilities):
            "has file capabilities, so its loader ignores LD_PRELOAD"
        case .addressSanitizer:
            "built with AddressSanitizer, which refuses to start after a preload library"
        case .oldGo(let version):
            "built by \(version.text.isEmpty ? "an old Go" : version.text), "
                + "which does not know MPTCP (go1.21 and newer do)"
        case .environmentCleared: "its first line clears LD_PRELOAD"
        case .wrapper(let wrapper):
            switch wrapper.effect {
            case .clearsEnvironment, .emulates:
                "starts its program with an environment of its own, without LD_PRELOAD"
            case .startsElsewhere: "has systemd start its program, in a unit of its own"
            }
        case .noLibrary(let architecture):
            "an \(architecture.name) program, but no preload library for these is installed"
        case .container(let starter): starter.reason
        }
    }

    package var remedy: String {
        switch self {
        case .container(let starter): return starter.remedy(here: Self.bpfMode)
        case .wrapper(let wrapper):
            switch wrapper.effect {
            case .startsElsewhere: return wrapper.startingInside ?? Self.bpfMode
            case .clearsEnvironment:
                let others = isReachedBySupervisor ? Self.bothModes : Self.bpfMode
                return [wrapper.startingInside, others].compactMap { $0 }
                    .joined(separator: ", or ")
            case .emulates: return Self.bpfMode
            }
        case .privileges: return Self.bpfMode
        default: return Self.bothModes
        }
    }

    /// Whether the kernel reaches what is started, in the cgroup of `run`.
    var isReachedByKernel: Bool {
        switch self {
        case .container(let starter): starter.place == .here
        case .wrapper(let wrapper): wrapper.effect != .startsElsewhere
        default: true
        }
    }

    /// Whether a supervisor by seccomp reaches it without taking anything from it.
    fileprivate var isReachedBySupervisor: Bool {
        switch self {
        case .staticallyLinked, .addressSanitizer, .oldGo, .environmentCleared, .noLibrary: true
        case .wrapper(let wrapper): wrapper.effect == .clearsEnvironment && !wrapper.isSetUser
        case .privileges, .container: false
        }
    }

    fileprivate static let bpfMode =
        "`mptcpize run --mode bpf` reaches it (root, Linux 6.6 or newer)"

    /// For what has no privileges that it would lose.
    private static let bothModes =
        bpfMode + ", and so does --mode seccomp (Linux 5.9 or newer)"
}

extension Wrapper {
    /// How mptcpize is started behind it instead; nil where it runs programs of another machine.
    fileprivate var startingInside: String? {
        let command =
            switch name {
            case "su", "runuser": "\(name) -l USER -c 'mptcpize run PROGRAM'"
            case "env": "env -i mptcpize run PROGRAM"
            case "setpriv": "setpriv --reset-env mptcpize run PROGRAM"
            default: "\(name) mptcpize run PROGRAM"
            }
        return effect == .emulates ? nil : "`\(command)` starts it over MPTCP"
    }
}

extension ELFImage {
    /// Linked against the shared runtime of AddressSanitizer: gcc's default, clang's option.
    var needsAddressSanitizer: Bool {
        needed.map { $0.lastPathComponent }.contains {
            $0.starts(with: "libasan.so".utf8) || $0.starts(with: "libclang_rt.asan".utf8)
        }
    }
}
