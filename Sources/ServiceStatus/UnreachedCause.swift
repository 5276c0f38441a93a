import Launch
import LinuxSystem
import SystemdUnits

/// Why a process of a unit was not reached, as far as the kernel shows it.
package enum UnreachedCause: Equatable, Sendable {
    /// It has lived since before the drop-in: a restart is all it needs.
    case olderThanDropIn
    /// BPF mode: its cgroup is not attached, nor one above it.
    case notAttached
    /// AT_SECURE: the loader ignores LD_PRELOAD.
    case secure(PrivilegeChange?)
    /// It was started without LD_PRELOAD; by a process that was not reached either, if known.
    case environment(startedBy: Process?)
    /// The library was found, and may not be executed there.
    case notExecutable(library: String, obstacle: ExecutionObstacle)
    /// The library has no such path in the root that the process has.
    case ownRoot
    case staticallyLinked
    case oldGo(GoVersion)
    /// Go: GODEBUG says multipathtcp=0.
    case goMultipathOff
    case addressSanitizer
    case noLibrary(Architecture)
    /// The loader had its reasons, which it told the service's standard error.
    case notLoaded

    package struct Process: Equatable, Sendable {
        package let pid: Int32
        package let program: String
    }

    /// What keeps a library that can be read from being mapped as program text.
    package enum ExecutionObstacle: Equatable, Sendable {
        case noexecMount
        /// SELinux's label of the library.
        case label(String)
        case unknown
    }

    /// What the process's surroundings add to what it shows itself.
    package struct Surroundings: Sendable {
        /// The seconds since the drop-in was written; nil where there is none.
        package var dropInAge: Double?
        /// Whether the library can be found in the process's own root, by the path that the
        /// unit's processes see it under; nil where that is not known.
        package var seesLibrary: Bool?
        var obstacle = ExecutionObstacle.unknown
        /// Whether a library for this architecture is installed.
        package var hasLibrary: @Sendable (Architecture) -> Bool = { _ in true }
        /// The parent, where it is a process of the unit that passes no LD_PRELOAD on.
        package var unreachedParent: Process?
    }

    /// - Parameter evidence: of a process that has not been reached.
    package init(_ evidence: ProcessEvidence, in surroundings: Surroundings) {
        if let go = evidence.image?.go {
            self = Self.ofGo(go, evidence, surroundings)
            return
        }
        // What a restart does not change comes first.
        if case .notExecutable(let library) = evidence.mapping {
            self = .notExecutable(library: library, obstacle: surroundings.obstacle)
        } else if evidence.isSecure == true {
            self = .secure(evidence.privileges)
        } else if evidence.image?.isStatic == true {
            self = .staticallyLinked
        } else if evidence.image?.needsAddressSanitizer == true {
            self = .addressSanitizer
        } else if let image = evidence.image, !surroundings.hasLibrary(image.architecture) {
            self = .noLibrary(image.architecture)
        } else if surroundings.seesLibrary == false {
            self = .ownRoot
        } else {
            self = Self.ofEnvironment(evidence, surroundings)
        }
    }

    private static func ofGo(
        _ go: GoVersion, _ evidence: ProcessEvidence, _ surroundings: Surroundings
    ) -> UnreachedCause {
        if !go.knowsMultipath { return .oldGo(go) }
        return evidence.goMultipath == false
            ? .goMultipathOff : ofEnvironment(evidence, surroundings)
    }

    private static func ofEnvironment(
        _ evidence: ProcessEvidence, _ surroundings: Surroundings
    ) -> UnreachedCause {
        // Started and written down within the clock's resolution (10 ms) is after it.
        let isOlder = surroundings.dropInAge.map { evidence.age > $0 + 0.02 } ?? false
        switch evidence.environment {
        case .preload where evidence.image?.go == nil: return .notLoaded
        // Without systemd's own variables it would not have got ours either.
        case .without(isOfSystemd: false): return .environment(startedBy: nil)
        case .preload, .without, .unknown:
            if let parent = surroundings.unreachedParent { return .environment(startedBy: parent) }
            return isOlder ? .olderThanDropIn : .environment(startedBy: nil)
        }
    }

    /// Whether the programs that it starts are without LD_PRELOAD too.
    package var losesPreload: Bool {
        switch self {
        case .secure, .environment: true
        default: false
        }
    }

    /// What keeps a process from being reached after a restart with the drop-in, as far as
    /// the one that runs now shows it; nil where nothing does.
    package static func predicted(
        _ evidence: ProcessEvidence, in surroundings: Surroundings
    ) -> UnreachedCause? {
        var evidence = evidence
        // What runs now has lived before all that is to come.
        evidence.age = .infinity
        var surroundings = surroundings
        surroundings.dropInAge = 0
        if evidence.image?.go != nil, evidence.goMultipath == true { return nil }
        let cause = UnreachedCause(evidence, in: surroundings)
        return cause == .olderThanDropIn ? nil : cause
    }
}

/// The sentences: one for each cause, and what to type next.
extension UnreachedCause {
    /// What went wrong, behind "PROGRAM (PID) was not reached: ".
    package var reason: String {
        switch self {
        case .olderThanDropIn: "it has run since before the unit was enabled"
        case .notAttached:
            "its cgroup is not attached: it has run since before the unit was enabled, "
                + "or was detached"
        case .secure(nil):
            "its loader ignores LD_PRELOAD (it changes its user before it starts the next program)"
        case .secure(.setUser): "its loader ignores LD_PRELOAD (its file is set-uid)"
        case .secure(.setGroup): "its loader ignores LD_PRELOAD (its file is set-gid)"
        case .secure(.fileCapabilities):
            "its loader ignores LD_PRELOAD (its file has capabilities)"
        case .environment(nil):
            "it was started with an environment of its own, without LD_PRELOAD"
        case .environment(let parent?):
            "\(parent.program) (\(parent.pid)), which was not reached, started it without LD_PRELOAD"
        case .notExecutable(let library, .noexecMount):
            "\(library) is on a file system that is mounted noexec"
        case .notExecutable(let library, .label(let label)):
            "SELinux does not let it execute \(library), which is labelled \(label)"
        case .notExecutable(let library, .unknown):
            "\(library) can be read there, but not executed"
        case .ownRoot: "it has a root of its own, as in a container, without the preload library"
        case .staticallyLinked: Reach.Obstacle.staticallyLinked.reason
        case .oldGo(let version): Reach.Obstacle.oldGo(version).reason
        case .goMultipathOff: "GODEBUG says multipathtcp=0"
        case .addressSanitizer: Reach.Obstacle.addressSanitizer.reason
        case .noLibrary(let architecture): Reach.Obstacle.noLibrary(architecture).reason
        case .notLoaded: "its loader did not load the preload library, which LD_PRELOAD names"
        }
    }

    /// The same of several processes.
    package var reasonOfSeveral: String {
        for (one, several) in [
            ("its cgroup is", "their cgroup is"),
            ("its loader ignores", "their loader ignores"), ("it was", "they were"),
            ("it has", "they have"), ("its loader did", "their loader did"),
        ] where reason.hasPrefix(one) {
            let rest = reason.dropFirst(one.count)
            let own = " of its own"
            guard let place = rest.firstRange(of: own) else { return several + rest }
            return several + rest[..<place.lowerBound] + " of their own" + rest[place.upperBound...]
        }
        return reason
    }

    /// What to type next.
    package func remedy(_ unit: UnitName, of manager: ServiceManager) -> String {
        let bpf =
            manager.scope == .system
            ? "`mptcpize enable --mode bpf \(unit.typed)` reaches it (Linux 6.6 or newer)" : ""
        switch self {
        case .olderThanDropIn, .notAttached: return manager.command("systemctl", "restart", unit)
        case .notExecutable(let library, .label):
            let directory = Bytes(library.utf8).directory?.text ?? library
            return "`restorecon -R \(directory)`, or install mptcpize below /usr or /usr/local"
        case .notExecutable(let library, _):
            let directory = Bytes(library.utf8).directory?.text ?? library
            return "`findmnt -T \(directory)` shows the mount: remount it with exec, or install "
                + "mptcpize elsewhere"
        case .noLibrary: return "install the preload library for it, or " + bpf
        case .goMultipathOff: return "remove that from GODEBUG"
        case .notLoaded:
            return "`journalctl \(manager.option)-u \(unit.typed)` may show the loader's reason"
        case .secure, .environment, .ownRoot, .staticallyLinked, .oldGo, .addressSanitizer:
            return bpf
        }
    }

    /// The name in JSON documents.
    package var name: String {
        switch self {
        case .olderThanDropIn: "older-than-drop-in"
        case .notAttached: "not-attached"
        case .secure: "secure-execution"
        case .environment: "environment"
        case .notExecutable(_, .noexecMount): "noexec"
        case .notExecutable(_, .label): "selinux"
        case .notExecutable: "not-executable"
        case .ownRoot: "own-root"
        case .staticallyLinked: "static"
        case .oldGo: "old-go"
        case .goMultipathOff: "go-multipath-off"
        case .addressSanitizer: "address-sanitizer"
        case .noLibrary: "no-library"
        case .notLoaded: "not-loaded"
        }
    }
}
