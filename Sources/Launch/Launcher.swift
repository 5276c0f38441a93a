import Glibc
import LinuxSystem

/// What the user asked to run.
package struct LaunchRequest: Sendable {
    /// The program's name, searched for in PATH unless it has a slash, and its arguments.
    package var arguments: [Bytes]
    /// The caller's environment, "NAME=value" each.
    package var environment: [Bytes]
    /// No option remedies: the kernel's errors reach the program.
    package var strict: Bool
    /// SO_PROTOCOL of MPTCP sockets reads IPPROTO_TCP.
    package var protocolAsTCP: Bool
    /// The rules for what stays TCP, in the canonical text; nil: none.
    package var policy: String?
    /// Everything stays TCP, also what Go makes MPTCP by itself.
    package var keepsTCP: Bool
    /// Whether to put into the environment what makes sockets MPTCP; else the kernel does it.
    package var preload: Bool
    /// Whether a program could get no privileges from its file any more, and so is left alone.
    package var withoutNewPrivileges: Bool

    package init(
        arguments: [Bytes], environment: [Bytes], strict: Bool = false,
        protocolAsTCP: Bool = false, policy: String? = nil, keepsTCP: Bool = false,
        preload: Bool = true, withoutNewPrivileges: Bool = false
    ) {
        self.arguments = arguments
        self.environment = environment
        self.strict = strict
        self.protocolAsTCP = protocolAsTCP
        self.policy = policy
        self.keepsTCP = keepsTCP
        self.preload = preload
        self.withoutNewPrivileges = withoutNewPrivileges
    }
}

/// Decides how a program is started so that its sockets become MPTCP.
///
/// Not generic: at run time, the first check of a type against a protocol makes the Swift
/// runtime look through all that any type here conforms to, 150 000 instructions.
package struct Launcher: Sendable {
    private let locator: LibraryLocator

    package init(locator: LibraryLocator) { self.locator = locator }

    /// - Throws: A failure with status 127 or 126 when the program cannot be found or
    ///   executed, 125 when the library that would reach it is not installed.
    package func plan(
        _ request: LaunchRequest, on system: some LaunchSystem
    ) throws(Failure) -> LaunchPlan {
        guard let name = request.arguments.first else {
            throw Failure(
                .usage, "run", "no program given", remedy: "type `mptcpize run PROGRAM [ARG...]`")
        }
        var environment = LaunchEnvironment(request.environment)
        let path = environment.value(of: "PATH")
        let (place, program) = try find(name, path: path, on: system)
        let subject = Reach.Subject(
            program: name, file: program.path == place ? name : program.path)
        let container = ContainerStarter(
            program: name.text, arguments: request.arguments.dropFirst().map { $0.text },
            isScript: program.path != place, library: locator.library(for: .native)?.path.text,
            isRoot: geteuid() == 0)
        guard request.preload else {
            var plan = LaunchPlan(
                executable: place.cString, arguments: request.arguments.map { $0.cString },
                environment: request.environment.map { $0.cString }, notes: [])
            if let container, container.place != .here {
                plan.unreached = .init(reach: .never(.container(container)), subject: subject)
            } else if let wrapper = Wrapper(request.arguments), wrapper.effect == .startsElsewhere {
                plan.unreached = .init(reach: .never(.wrapper(wrapper)), subject: subject)
            } else if request.withoutNewPrivileges, let change = program.privilegeChange {
                plan.losesPrivileges = true
                plan.unreached = .init(reach: .never(.privileges(change)), subject: subject)
            }
            if program.countsOnEdges { plan.countingOnEdges = program.path }
            plan.image = program.path.lastPathComponent
            return plan
        }
        let reach =
            container.map { .never(.container($0)) }
            ?? Reach(to: program) {
                // Missing for mptcpize's own architecture means a broken installation.
                $0 == .native || locator.library(for: $0) != nil
            }.following(request.arguments)
        let userSetsGoDebug = environment.setsGoMultipath

        environment.preload(
            reach.helpsChildren
                ? try library(for: program, needed: reach == .preload, on: system) : nil)
        if request.keepsTCP {
            environment.disableGoMultipath()
        } else {
            environment.enableGoMultipath()
        }
        environment.setPolicy(request.policy)
        if request.strict { environment.makeStrict() }
        if Wrapper(request.arguments)?.effect == .emulates { environment.hidePreloadFromGuest() }
        if request.protocolAsTCP { environment.showProtocolAsTCP() }
        var plan = LaunchPlan(
            executable: place.cString, arguments: request.arguments.map { $0.cString },
            environment: environment.entries.map { $0.cString }, notes: [])
        if program.countsOnEdges { plan.countingOnEdges = program.path }
        plan.image = program.path.lastPathComponent
        plan.isGo = reach.isGo
        if case .never = reach {
            plan.unreached = .init(reach: reach, subject: subject)
        } else if request.keepsTCP, reach.isGo {
            plan.unreached = .init(reach: reach, subject: subject)
        } else if let note = reach.note(for: subject, userSetsGoDebug: userSetsGoDebug) {
            plan.notes = [note]
        }
        return plan
    }

    private func find(
        _ name: Bytes, path: Bytes?, on system: some LaunchSystem
    ) throws(Failure) -> (place: Bytes, program: ProgramFile) {
        do {
            return try ProgramSearch.find(name, path: path) { (place) throws(Unrunnable) in
                (place, try ProgramFile(place, searchPath: path, on: system))
            }
        } catch {
            throw error.failure(for: name)
        }
    }

    /// What LD_PRELOAD names, for the program's own loader, or, where it has none,
    /// for the children that it may start.
    private func library(
        for program: ProgramFile, needed: Bool, on system: some LaunchSystem
    ) throws(Failure) -> Bytes? {
        let architecture = program.image?.architecture ?? .native
        guard let library = locator.library(for: architecture) else {
            if needed { throw locator.failure(for: architecture) }
            return nil
        }
        guard PreloadList.canHold(library.path) else {
            if !needed { return nil }
            throw Failure(
                .own, library.path.text,
                "LD_PRELOAD cannot name a path with a space, a colon or a dollar sign",
                remedy: "install mptcpize in another folder")
        }
        let sibling = architecture.sibling.flatMap { locator.library(for: $0) }
        return library.name(
            for: program.image,
            hasSibling: sibling != nil && sibling?.prefix == library.prefix, on: system)
    }
}
