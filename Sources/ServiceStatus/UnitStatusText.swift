import Launch
import LinuxSystem
import SystemdUnits
import TextOutput

extension UnitStatus {
    /// The status for people: a line about the unit, a table of its processes, and what to
    /// type if something is wrong.
    package func lines(of manager: ServiceManager, styled: Bool) -> [String] {
        let place = dropIns.isEmpty ? "not enabled" : "enabled (\(dropIns.joined(separator: ", ")))"
        var lines = ["\(unit): \(place), \(state)"]
        lines += advice(of: manager).map { "    " + $0 }
        guard !processes.isEmpty, !unit.isSocket else { return lines }
        var table = TextTable([
            .init("PID", .right), .init("PROGRAM"), .init("REACHED BY"), .init("LISTENING"),
            .init("CONNECTED"),
        ])
        for entry in processes {
            let process = entry.process
            table.append([
                .init(String(process.pid)), .init(process.program.printable),
                .init(process.reach.text, process.reach.style),
                .init(entry.sockets?.listening ?? "?"), .init(entry.sockets?.connected ?? "?"),
            ])
        }
        return lines + table.lines(styled: styled).map { "    " + $0 }
    }

    /// What the user should know or type, a line each.
    private func advice(of manager: ServiceManager) -> [String] {
        var lines: [String] = []
        let options = policy.options.map { " " + $0 }.joined()
        let again = manager.command("mptcpize", "enable\(options)", unit)
        switch freshness {
        case nil, .current: break
        case .stale:
            lines.append(
                "stale: its settings, the rules or the library have changed since; run \(again.printable) again"
            )
        case .unknown(let file):
            lines.append(
                "only root can tell whether its settings have changed since (\(file.printable))")
        case .refused(let reason):
            lines.append(
                "stale: \(reason.printable); \(manager.command("mptcpize", "disable", unit))")
        }
        if needsReload {
            lines.append(
                "unit files have changed on the disk: `systemctl \(manager.option)daemon-reload`")
        }
        if let elsewhere { lines.append("\(elsewhere.reason.printable): \(elsewhere.remedy)") }
        if let listeners { lines.append("listening: \(listeners.listening)") }
        guard freshness != nil else { return lines }
        if unit.isSocket {
            if needsRestart {
                lines.append("has listened since before enable: \(restartCommand(manager))")
            }
            return lines
        }
        if policy.keepsTCP {
            let ports = verdict.mptcpPorts.sorted().map { "\($0)" }.joined(separator: ", ")
            lines.append(
                ports.isEmpty
                    ? "must stay TCP" : "must stay TCP; still MPTCP on port \(ports)")
            return lines
        }
        if processes.contains(where: { $0.process.reach == .godebug }) {
            let better = manager.command("mptcpize", "enable --mode bpf", unit)
            lines.append("no library mends the options of its Go program's sockets: \(better) does")
        }
        if !processes.isEmpty, !verdict.isWhole { lines.append(verdict.headline) }
        for group in verdict.groups {
            let remedy =
                group.cause == .olderThanDropIn || group.cause == .notAttached
                ? restartCommand(manager) : group.cause.remedy(unit, of: manager)
            lines.append(group.line(told: .was).printable + (remedy.isEmpty ? "" : "; \(remedy)"))
        }
        for (process, listener) in verdict.demoted {
            let remedy = listener.reason.remedy(unit)
            lines.append(
                "port \(listener.port) of \(process.title.printable) is TCP: "
                    + listener.reason.inWords + (remedy.isEmpty ? "" : "; \(remedy)"))
        }
        return lines
    }

    private func restartCommand(_ manager: ServiceManager) -> String {
        // A template cannot be restarted, nor a socket whose service holds it.
        unit.isSocket
            ? manager.command("mptcpize", "enable --now", unit)
            : unit.isTemplate
                ? "restart its instances" : manager.command("systemctl", "restart", unit)
    }

    /// The status as a member of the document of `status --json`.
    package func json(of manager: ServiceManager) -> JSONValue {
        let configured: String? =
            switch freshness {
            case nil: nil
            case .current: "current"
            case .stale, .refused: "stale"
            case .unknown: "unknown"
            }
        let refusal: String? = if case .refused(let reason) = freshness { reason } else { nil }
        let reason = refusal ?? (freshness == nil ? nil : verdict.reason(of: manager)?.text)
        return [
            "unit": .string(unit.description),
            "changed": .bool(false),
            "enabled": .bool(!dropIns.isEmpty),
            "drop_ins": .array(dropIns.map { .string($0) }),
            "configuration": JSONValue(configured),
            "reason": JSONValue(reason),
            "needs_reload": .bool(needsReload),
            "needs_restart": .bool(needsRestart),
            "state": .string(state),
            "listeners": listeners?.json ?? .null,
            "whole": .bool(verdict.isWhole),
            "processes": verdict.json(of: manager),
        ]
    }
}

extension RunningProcess.Reach {
    fileprivate var text: String {
        switch self {
        case .preload: "preload library"
        case .godebug: "GODEBUG"
        case .bpf: "kernel (BPF)"
        case .none: "nothing"
        case .unknown: "not known"
        }
    }

    fileprivate var style: TextTable.Style {
        switch self {
        case .preload, .godebug, .bpf: .good
        case .none: .bad
        case .unknown: .doubtful
        }
    }
}

extension UnitVerdict {
    /// The processes, each with why it was not reached.
    package func json(of manager: ServiceManager) -> JSONValue {
        .array(
            processes.map { process in
                let ports = Set(process.sockets?.tcpListeners.map(\.port) ?? []).sorted()
                return [
                    "pid": JSONValue(process.pid), "program": .string(process.program),
                    "reached_by": .string(process.reach.rawValue),
                    "cause": JSONValue(process.cause?.name),
                    "reason": JSONValue(process.cause?.reason),
                    "tcp_ports": .array(ports.map { JSONValue($0) }),
                    "sockets": process.sockets?.json ?? .null,
                ]
            })
    }
}
