import Launch
import LinuxSystem
import SystemdUnits

/// What is known about all of a unit's processes after a look at them: which use MPTCP, which do not,
/// and why. All claims about a unit are made from this.
package struct UnitVerdict: Sendable {
    package let unit: UnitName
    /// Those that there are, in the order of their numbers.
    package let processes: [UnitProcess]
    /// What systemd listens with for a socket unit; nil for others.
    package let listeners: UnitSockets?

    package init(_ unit: UnitName, processes: [UnitProcess], listeners: UnitSockets? = nil) {
        self.unit = unit
        self.processes = processes
        self.listeners = listeners
    }

    /// Processes of one program that were not reached, for the same reason.
    package struct Group {
        package var processes: [UnitProcess]
        package var cause: UnreachedCause { processes[0].cause! }
        package var ports: [UInt16] { sortedPorts(processes) }
    }

    private var unreached: [UnitProcess] { processes.filter { $0.cause != nil } }
    private var reached: [UnitProcess] { processes.filter(\.isReached) }

    /// Those that hold a port first, then by their number.
    package var groups: [Group] {
        var groups: [Group] = []
        for process in unreached {
            let same = groups.firstIndex {
                $0.processes[0].program == process.program && $0.cause == process.cause
            }
            if let same {
                groups[same].processes.append(process)
            } else {
                groups.append(Group(processes: [process]))
            }
        }
        return groups.filter { !$0.ports.isEmpty } + groups.filter { $0.ports.isEmpty }
    }

    /// Plain TCP listeners of processes that were reached: with the first process that has each.
    package var demoted: [(process: UnitProcess, listener: TCPListener)] {
        var seen: Set<UInt32> = []
        var result: [(process: UnitProcess, listener: TCPListener)] = []
        for process in reached {
            for listener in process.sockets?.tcpListeners ?? []
            where seen.insert(listener.inode).inserted { result.append((process, listener)) }
        }
        return result
    }

    /// All ports that are listened on.
    package var ports: Set<UInt16> {
        processes.reduce(into: []) { $0.formUnion($1.sockets?.ports ?? []) }
    }

    /// The ports that MPTCP is taken on.
    package var mptcpPorts: Set<UInt16> {
        processes.reduce(into: []) { $0.formUnion($1.sockets?.mptcpPorts ?? []) }
    }

    /// Every process that holds a TCP listener was reached; or there is no listener, and every
    /// process was.
    package var isSuccess: Bool {
        if let listeners { return listeners.listeningTCP == 0 }
        if unreached.contains(where: { !sortedPorts([$0]).isEmpty }) { return false }
        return unreached.isEmpty || processes.contains { ($0.sockets?.listeningMPTCP ?? 0) > 0 }
    }

    /// All of it uses MPTCP, and that was seen on a socket.
    package var isWhole: Bool {
        if let listeners { return listeners.listeningTCP == 0 && listeners.listeningMPTCP > 0 }
        return !processes.isEmpty && reached.count == processes.count && demoted.isEmpty
            && processes.contains { ($0.sockets?.usesMPTCP) ?? false }
    }

    /// Whether any of it was reached, or has an MPTCP socket.
    package var usesMPTCP: Bool {
        if let listeners { return listeners.listeningMPTCP > 0 }
        return !reached.isEmpty || processes.contains { $0.sockets?.usesMPTCP ?? false }
    }

    /// Whether a restart would reach more of it.
    package var wantsRestart: Bool {
        if let listeners { return listeners.listeningTCP > 0 }
        return unreached.contains { [.olderThanDropIn, .notAttached].contains($0.cause) }
    }

    /// What is claimed of what runs, in a line.
    package var claim: String {
        if isWhole { return "it uses MPTCP" }
        return ([headline] + details).joined(separator: "; ")
    }

    /// The numbers.
    package var headline: String {
        if let listeners { return "systemd listens with \(listeners.listening)" }
        let total = processes.count
        if total == 0 { return "none of its programs runs now" }
        let number = reached.count
        if number == total, demoted.isEmpty {
            return total == 1
                ? "its process was reached, and has no MPTCP socket now"
                : "its \(total) processes were reached, and have no MPTCP socket now"
        }
        if number == total {
            return total == 1 ? "its process was reached" : "all \(total) processes were reached"
        }
        let verb = number == 1 || total == 1 ? "uses" : "use"
        return "\(number) of \(total) \(total == 1 ? "process" : "processes") \(verb) MPTCP"
    }

    /// A line for each kind of process that was not reached, and each listener that is TCP.
    package var details: [String] {
        groups.map { $0.line(told: .was) } + unknownLine
            + demoted.map { process, listener in
                "port \(listener.port) of \(process.title) is TCP: \(listener.reason.inWords)"
            }
    }

    private var unknownLine: [String] {
        let unknown = processes.filter { $0.reach == .unknown }
        if unknown.isEmpty { return [] }
        return ["\(titles(unknown)) could not be examined (root can)"]
    }

    /// The first reason for which something was not reached; nil where all was.
    package func reason(of manager: ServiceManager) -> (text: String, remedy: String)? {
        if let group = groups.first {
            return (group.line(told: .was), group.cause.remedy(unit, of: manager))
        }
        guard let (process, listener) = demoted.first else { return nil }
        return (
            "port \(listener.port) of \(process.title) is TCP: \(listener.reason.inWords)",
            listener.reason.remedy(unit)
        )
    }

    /// Why `enable --now` takes everything back.
    package func failure(of manager: ServiceManager) -> Failure {
        Failure(
            .failed, unit.description, ([headline] + details).joined(separator: "; "),
            remedy: reason(of: manager)?.remedy ?? "")
    }

    /// What is foreseen of a restart, of processes whose causes are predicted ones.
    package func prediction(after command: String) -> String {
        let groups = groups
        if groups.isEmpty { return "it uses MPTCP after \(command)" }
        let total = processes.count
        let number = total - unreached.count
        let first =
            "after \(command) \(number) of \(total) \(total == 1 ? "process" : "processes") "
            + (number == 1 || total == 1 ? "uses MPTCP" : "use MPTCP")
        return ([first] + groups.map { $0.line(told: .will) }).joined(separator: "; ")
    }
}

extension UnitVerdict.Group {
    package enum Told: String { case was, will }

    /// "squid (1443), which holds port 3128, was not reached: …".
    package func line(told: Told) -> String {
        let several = processes.count > 1
        let held = ports.map(String.init).joined(separator: ", ")
        let holding =
            ports.isEmpty
            ? ""
            : ", which \(several ? "hold" : "holds") \(ports.count == 1 ? "port" : "ports") \(held),"
        let verb = told == .will ? "will not be" : several ? "were not" : "was not"
        return "\(titles(processes))\(holding) \(verb) reached: "
            + (several ? cause.reasonOfSeveral : cause.reason)
    }
}

/// "postgres (206)", or "postgres (206, 207 and 4 more)".
private func titles(_ processes: [UnitProcess]) -> String {
    let most = 3
    var numbers = processes.prefix(most).map { "\($0.pid)" }.joined(separator: ", ")
    if processes.count > most { numbers += " and \(processes.count - most) more" }
    return "\(processes[0].program) (\(numbers))"
}

private func sortedPorts(_ processes: [UnitProcess]) -> [UInt16] {
    Set(processes.flatMap { $0.sockets?.tcpListeners ?? [] }.map(\.port)).sorted()
}
