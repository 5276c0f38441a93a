import BPFMode
import ConnectionPolicy
import Glibc
import Launch
import LinuxSystem
import Processes
import SocketInspection
import SystemdUnits

/// Looks at all processes of a unit, and finds out for each whether it was reached, why not, and what
/// its sockets are.
package struct UnitObservation {
    package let unit: UnitName
    package let manager: ServiceManager
    package let locator: LibraryLocator
    /// How the unit's sockets are to become MPTCP.
    package let mode: ServiceMode
    /// The sockets of this network namespace, where somebody has listed them already.
    private let known: SocketSnapshot?

    package init(
        unit: UnitName, manager: ServiceManager, locator: LibraryLocator, mode: ServiceMode,
        known: SocketSnapshot? = nil
    ) {
        self.known = known
        self.unit = unit
        self.manager = manager
        self.locator = locator
        self.mode = mode
    }

    /// What is to be found out of processes that were not reached.
    package enum Question {
        /// Why not. Nil: the unit is not enabled.
        case past(dropIn: DropIn.Installed?)
        /// What will keep them from being reached when the unit is started again.
        case future
    }

    /// - Parameters:
    ///   - properties: the unit's own, or those of a template's instances.
    package func verdict(
        of properties: [UnitProperties], _ question: Question
    ) throws(Failure) -> UnitVerdict {
        if unit.isSocket {
            let listeners = properties.first.flatMap {
                UnitSockets.of(listeners: $0.listeners, known: known)
            }
            return UnitVerdict(unit, processes: [], listeners: listeners ?? UnitSockets())
        }
        let attached = AttachedProcesses()
        var processes: [UnitProcess] = []
        for properties in properties {
            var own = RunningProcess.all(inCgroupOfUnit: properties["ControlGroup"])
                .map { UnitProcess($0) }
            for index in own.indices where attached?.contains(own[index].pid) == true {
                own[index].process.reach = .bpf
            }
            if mode == .preload {
                explain(&own, properties, question)
            } else {
                explainDetached(&own, question)
            }
            processes += own
        }
        let sockets = UnitSockets.of(processes.map(\.pid), known: known)
        for index in processes.indices {
            processes[index].sockets = sockets[processes[index].pid]
            if processes[index].isReached { explainListeners(of: &processes[index]) }
        }
        processes.removeAll { $0.sockets == nil && RunningProcess.hasEnded($0.pid) }
        return UnitVerdict(unit, processes: processes)
    }

    /// In BPF mode only the cgroup counts, and whether it is attached only root can see.
    private func explainDetached(_ processes: inout [UnitProcess], _ question: Question) {
        for index in processes.indices where processes[index].reach != .bpf {
            guard geteuid() == 0 else {
                processes[index].process.reach = .unknown
                continue
            }
            processes[index].process.reach = .none
            if case .past(.some) = question { processes[index].cause = .notAttached }
        }
    }

    private func explain(
        _ processes: inout [UnitProcess], _ properties: UnitProperties, _ question: Question
    ) {
        let library = libraryFile(properties)
        var dropInAge: Double?
        if case .past(let dropIn) = question {
            guard let dropIn else { return }
            dropInAge = Self.age(ofFile: dropIn.path)
        }
        // What a process passes on to those that it starts is known once its own cause is.
        for _ in 0..<3 {
            for index in processes.indices {
                guard ![.unknown, .bpf].contains(processes[index].reach),
                    let evidence = processes[index].process.evidence
                else { continue }
                var surroundings = surroundings(of: processes[index], evidence, library)
                // What hides the library from the unit as a whole, the drop-in will undo.
                if case .future = question, sharesRoot(processes[index], properties) {
                    surroundings.seesLibrary = nil
                }
                surroundings.dropInAge = dropInAge
                let parent = processes.first {
                    $0.pid == evidence.parent && $0.cause?.losesPreload == true
                }
                if let parent, let cause = parent.cause, Self.isFork(evidence, of: parent) {
                    processes[index].cause = cause
                    continue
                }
                surroundings.unreachedParent = parent.map {
                    .init(pid: $0.pid, program: $0.program)
                }
                if case .future = question {
                    processes[index].cause = UnreachedCause.predicted(evidence, in: surroundings)
                } else if processes[index].reach == .none {
                    processes[index].cause = UnreachedCause(evidence, in: surroundings)
                }
            }
        }
    }

    /// Whether a process is a fork of another one that has started no program since.
    private static func isFork(_ evidence: ProcessEvidence, of parent: UnitProcess) -> Bool {
        guard let other = parent.process.evidence else { return false }
        return evidence.executable != nil && evidence.executable == other.executable
            && evidence.isSecure == other.isSecure
            && [other.environment, .unknown].contains(evidence.environment)
    }

    /// Whether a process has the root that its unit gives it, or may give it.
    private func sharesRoot(_ process: UnitProcess, _ properties: UnitProperties) -> Bool {
        var root = "/"
        if !properties["RootDirectory"].isEmpty || !properties["RootImage"].isEmpty {
            guard let main = Int32(properties["MainPID"]), main > 0 else { return true }
            root = "/proc/\(main)/root/"
        }
        return isSameFile("/proc/\(process.pid)/root/", root)
    }

    private func surroundings(
        of process: UnitProcess, _ evidence: ProcessEvidence, _ library: String?
    ) -> UnreachedCause.Surroundings {
        var surroundings = UnreachedCause.Surroundings()
        surroundings.hasLibrary = { [locator] in
            $0 == .native || locator.library(for: $0) != nil
        }
        let root = "/proc/\(process.pid)/root"
        // One that has changed its root since it was started did not start in it.
        if let library, access(root + (evidence.image?.interpreter ?? "/"), F_OK) == 0 {
            surroundings.seesLibrary = access(root + library, F_OK) == 0
        }
        if case .notExecutable(let path) = evidence.mapping {
            surroundings.obstacle = Self.obstacle(to: path, in: process.pid)
        }
        return surroundings
    }

    /// The library's path as the unit's processes see it.
    private func libraryFile(_ properties: UnitProperties) -> String? {
        locator.library(for: .native).map { ServiceLibrary($0).file(seenBy: properties) }
    }

    private static func obstacle(
        to library: String, in pid: Int32
    ) -> UnreachedCause.ExecutionObstacle {
        let file = "/proc/\(pid)/root\(library)"
        if HostSystem().isOnNoexecMount(Bytes(file.utf8)) { return .noexecMount }
        guard SELinux.isEnforcing, let label = SELinux.label(ofFile: file) else { return .unknown }
        return .label(label)
    }

    /// Seconds since a file was written.
    private static func age(ofFile path: String) -> Double? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec - status.st_mtim.tv_sec)
            + Double(now.tv_nsec - status.st_mtim.tv_nsec) / 1e9
    }

    private func explainListeners(of process: inout UnitProcess) {
        for index in process.sockets?.tcpListeners.indices ?? 0..<0 {
            let listener = process.sockets!.tcpListeners[index]
            process.sockets!.tcpListeners[index].reason = reason(of: listener, in: process)
        }
    }

    private func reason(
        of listener: TCPListener, in process: UnitProcess
    ) -> TCPListener.Reason {
        let home = linkTarget("/proc/self/ns/net") == linkTarget("/proc/\(process.pid)/ns/net")
        let enabled =
            home
            ? Sysctl.value("net.mptcp.enabled")
            : (try? NetworkNamespace.named("\(process.pid)")).flatMap { namespace in
                try? namespace.enter { () throws(Failure) in Sysctl.value("net.mptcp.enabled") }
            } ?? nil
        if let enabled, enabled != "1" { return .mptcpOff(pid: home ? nil : process.pid) }
        if process.reach == .bpf { return .besideKernel }
        if let origin = ProcessRules(process.process.evidence)?
            .origin(.listen, listener.address, port: listener.port)
        {
            return .policy(origin)
        }
        if let option = listener.option(in: process.pid) { return .option(option) }
        return .unknown(otherLibraries: process.process.evidence?.otherLibraries ?? [])
    }
}
