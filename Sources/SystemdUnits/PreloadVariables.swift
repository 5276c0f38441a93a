import Launch
import LinuxSystem
import SocketEvents
import SocketPolicy

/// How LD_PRELOAD, GODEBUG and variables of mptcpize's own are changed for a service: as `run`
/// changes them for a program (`LaunchEnvironment`).
package struct PreloadVariables: Sendable, Equatable {
    /// Whether SO_PROTOCOL of MPTCP sockets is to read IPPROTO_TCP.
    package var protocolAsTCP = false
    /// The rules for what stays TCP, in the canonical text; nil: none.
    package var policy: String?
    /// Whether everything stays TCP.
    package var keepsTCP = false

    package init() {}

    /// Whether the preload library has to know the program's name.
    var asksForProgram: Bool { policy.map { mptcpize_policy_needs_program($0) } ?? false }

    var names: [String] {
        ["LD_PRELOAD", "GODEBUG"] + (protocolAsTCP ? [MPTCPIZE_ENV_PROTOCOL_AS_TCP] : [])
            + (policy != nil ? [MPTCPIZE_ENV_POLICY] : [])
    }

    /// What to do where a unit's own file sets the variable last.
    func advice(_ name: String, preload library: String) -> String {
        switch name {
        case "LD_PRELOAD": "add \(library) to LD_PRELOAD there"
        case "GODEBUG": "add multipathtcp=\(keepsTCP ? 0 : 1) to it there"
        case MPTCPIZE_ENV_POLICY: "take it out there"
        default: "set it to 1 there"
        }
    }

    /// The variable's new value; nil where what it says is right already.
    ///
    /// - Parameter value: what it was; may hold specifiers that systemd has yet to expand.
    func merged(_ name: String, _ value: String?, preload library: String) -> String? {
        var environment = LaunchEnvironment(value.map { [Bytes("\(name)=\($0)".utf8)] } ?? [])
        switch name {
        case "LD_PRELOAD": environment.preload(Bytes(library.utf8))
        case "GODEBUG" where keepsTCP: environment.disableGoMultipath()
        case "GODEBUG": environment.enableGoMultipath()
        case MPTCPIZE_ENV_POLICY: environment.setPolicy(policy)
        default: environment.showProtocolAsTCP()
        }
        let merged = environment.value(of: name)?.text ?? ""
        return merged == value ? nil : merged
    }
}
