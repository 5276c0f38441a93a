import ConnectionPolicy
import Launch
import LinuxSystem

/// The rules by which the preload library in one process decides: those of its environment.
package struct ProcessRules {
    private let table: PolicyTable
    private let origins: [PolicyOrigin]

    /// - Returns: nil for a process without rules, or whose environment may not be read.
    package init?(_ evidence: ProcessEvidence?) {
        guard let evidence, let text = evidence.policy else { return nil }
        let program = evidence.executable.map { Bytes($0.utf8).lastPathComponent }
        table = PolicyTable(text, program: program)
        origins = Policy.origins(ofText: text)
    }

    /// Where the rule was written that makes a connection to an address, or a listener on it, TCP;
    /// nil where none does.
    package func origin(
        _ direction: PolicyRule.Direction, _ address: String, port: UInt16
    ) -> PolicyOrigin? {
        guard let ruling = table.ruling(direction, address, port: port), ruling.isTCP,
            let rule = ruling.rule, origins.indices.contains(rule)
        else { return nil }
        return origins[rule]
    }
}
