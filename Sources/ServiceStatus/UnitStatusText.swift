import Launch
import LinuxSystem
import SystemdUnits
import TextOutput

extension UnitStatus {
    /// The status for people: a line on the unit, a table of its processes, and what to
    /// type where something is not as it should be.
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
        let again = manager.command("mptcpize", "enable", unit)
        switch freshness {
        case nil, .current: break
        case .stale:
            lines.append(
                "stale: its settings or the library have changed since; run \(again) again")
        case .unknown(let file):
            lines.append(
                "whether its settings have changed since, root can tell (\(file.printable))")
        case .refused(let reason):
            lines.append(
                "stale: \(reason.printable); \(manager.command("mptcpize", "disable", unit))")
        }
        if needsReload {
            lines.append(
                "unit files have changed on the disk: `systemctl \(manager.option)daemon-reload`")
        }
        if let listeners { lines.append("listening: \(listeners.listening)") }
        if needsRestart {
            let reason =
                unit.isSocket ? "listens since before enable" : "some processes were not reached"
            lines.append("\(reason): \(restartCommand(manager))")
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
    package var json: JSONValue {
        let configured: String? =
            switch freshness {
            case nil: nil
            case .current: "current"
            case .stale, .refused: "stale"
            case .unknown: "unknown"
            }
        let reason: String? = if case .refused(let reason) = freshness { reason } else { nil }
        return [
            "unit": .string(unit.description),
            "enabled": .bool(!dropIns.isEmpty),
            "drop_ins": .array(dropIns.map { .string($0) }),
            "configuration": JSONValue(configured),
            "reason": JSONValue(reason),
            "needs_reload": .bool(needsReload),
            "needs_restart": .bool(needsRestart),
            "state": .string(state),
            "listeners": listeners?.json ?? .null,
            "processes": .array(
                processes.map { entry in
                    [
                        "pid": JSONValue(entry.process.pid),
                        "program": .string(entry.process.program),
                        "reached_by": .string(entry.process.reach.rawValue),
                        "sockets": entry.sockets?.json ?? .null,
                    ]
                }),
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
