import Launch
import LinuxSystem
import ServiceStatus
import SystemdUnits
import TextOutput

/// What a verb did to one unit: the element of the documents of `enable --json`,
/// `disable --json` and `bpf attach|detach --json`.
package struct UnitChange: Sendable {
    /// The unit; nil for a cgroup that belongs to none.
    package var unit: String?
    /// The cgroup, for verbs that are about cgroups.
    package var cgroup: String?
    /// Whether anything is not as it was before.
    package var hasChanged: Bool
    /// Whether it is enabled, or attached, now.
    package var isEnabled: Bool
    /// What was restarted.
    package var restarted: [String] = []
    /// What does not use MPTCP, and why, in a sentence; nil where nothing is known to be amiss.
    package var reason: String?
    /// What to type next; nil where there is nothing to be done.
    package var next: String?
    /// What was seen of its processes; nil where that was not looked at.
    package var processes: JSONValue?

    package init(
        unit: String?, cgroup: String? = nil, hasChanged: Bool, isEnabled: Bool,
        restarted: [String] = [], reason: String? = nil, next: String? = nil,
        processes: JSONValue? = nil
    ) {
        self.unit = unit
        self.cgroup = cgroup
        self.hasChanged = hasChanged
        self.isEnabled = isEnabled
        self.restarted = restarted
        self.reason = reason
        self.next = next
        self.processes = processes
    }

    package var json: JSONValue {
        var members: [(String, JSONValue)] = [("unit", JSONValue(unit))]
        if let cgroup { members.append(("cgroup", .string(cgroup))) }
        members += [
            ("changed", .bool(hasChanged)), ("enabled", .bool(isEnabled)),
            ("restarted", .array(restarted.map { .string($0) })), ("reason", JSONValue(reason)),
            ("next", JSONValue(next)),
        ]
        if let processes { members.append(("processes", processes)) }
        return .object(members.map { JSONValue.Member(name: $0.0, value: $0.1) })
    }

    /// The whole document, version 1 of its format.
    ///
    /// - Parameter failure: why nothing was changed; the document is written all the same.
    package static func document(_ changes: [UnitChange], failure: Failure? = nil) -> JSONValue {
        let error: JSONValue =
            failure.map {
                [
                    "object": .string($0.object), "reason": .string($0.reason),
                    "next": $0.remedy.isEmpty ? .null : .string($0.remedy),
                ]
            } ?? .null
        return [
            "version": 1,
            "changed": .bool(changes.contains(where: \.hasChanged)),
            "units": .array(changes.map(\.json)),
            "error": error,
        ]
    }
}

extension Enabling.Outcome {
    /// The same as an element of `enable --json`.
    package func change(of manager: ServiceManager) -> UnitChange {
        let reason = (prediction.map { [$0] } ?? verdicts).lazy
            .compactMap { $0.reason(of: manager) }.first
        let processes = verdicts.flatMap { verdict -> [JSONValue] in
            if case .array(let values) = verdict.json(of: manager) { values } else { [] }
        }
        return UnitChange(
            unit: step.unit.name.description, hasChanged: hasChanged, isEnabled: true,
            restarted: restarted.map(\.description), reason: reason?.text,
            next: (reason?.remedy).flatMap { $0.isEmpty ? nil : $0 },
            processes: .array(processes))
    }
}

extension Enabling.Step {
    /// What would become of it.
    package var change: UnitChange {
        UnitChange(unit: unit.name.description, hasChanged: !isDone, isEnabled: isDone)
    }
}

extension Disabling.Step {
    /// The same as an element of `disable --json`.
    ///
    /// - Parameter restarts: whether what runs was restarted.
    package func change(restarts: Bool) -> UnitChange {
        UnitChange(
            unit: unit.description, hasChanged: !removed.isEmpty, isEnabled: template != nil,
            restarted: restarts ? running.map(\.description) : [],
            reason: template.map { "it uses MPTCP by \($0)" }
                ?? (restarts || running.isEmpty
                    ? nil : "it uses MPTCP until it is restarted"))
    }
}
