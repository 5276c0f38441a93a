import ArgumentParser
import Completion
import RunInput
import ServiceStatus
import SystemdUnits

/// What completion offers for arguments that name something on this machine. The scripts in
/// completions/ call mptcpize for these lists; no shell is involved. What cannot be listed is not
/// offered, because completion cannot show an error.
extension CompletionKind {
    /// Services and sockets, the user's own after --user.
    static var units: CompletionKind { fromManager { try $0.units() } }

    /// What `mptcpize enable` has enabled.
    static var enabledUnits: CompletionKind {
        fromManager { try UnitStatus.units([], of: $0).map(\.description) }
    }

    /// Units that have a cgroup.
    static var activeUnits: CompletionKind { fromManager { try $0.activeUnits() } }

    static var cgroups: CompletionKind {
        .custom { _, _, _ in (try? Candidates.cgroups()) ?? [] }
    }

    static var processes: CompletionKind { .custom { _, _, _ in Candidates.processes() } }

    static var runningPrograms: CompletionKind {
        .custom { _, _, _ in Candidates.runningPrograms() }
    }

    static var networkNamespaces: CompletionKind {
        .custom { _, _, _ in ["all"] + Candidates.networkNamespaces() + Candidates.processes() }
    }

    static var programsAndUnits: CompletionKind {
        .custom { _, _, word in
            let path = ProcessInput.variable("PATH")?.text ?? ""
            let programs = Candidates.programs(word, searchPath: path)
            if word.contains("/") { return programs }
            let units = (try? ServiceManager(.system).units()) ?? []
            return programs + units.filter(Candidates.isPlain)
        }
    }

    private static func fromManager(
        _ list: @escaping @Sendable (ServiceManager) throws -> [String]
    ) -> CompletionKind {
        .custom { words, _, _ in
            let scope: ManagerScope = words.contains("--user") ? .user : .system
            guard let names = try? list(ServiceManager(scope)) else { return [] }
            return names.filter(Candidates.isPlain)
        }
    }
}
