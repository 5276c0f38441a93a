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
        case MPTCPIZE_ENV_POLICY: "remove it there"
        default: "set it to 1 there"
        }
    }

    /// The variable's new value.
    struct Merged: Equatable {
        let value: String
        /// Whether it is as a setting has it, with specifiers.
        let hasSpecifiers: Bool

        /// As a setting has it.
        var text: String { hasSpecifiers ? value : DropIn.escaped(value) }
    }

    /// The variable's new value; nil where what it says is right already.
    ///
    /// - Parameter values: what it was, by each reading of the unit's files.
    func merged(
        _ name: String, _ values: [UnitEnvironment.Assignment?], preload library: String
    ) -> Merged? {
        let set = values.compactMap { $0 }
        // Of the other variables, nothing stays.
        let hasSpecifiers =
            ["LD_PRELOAD", "GODEBUG"].contains(name) && set.contains(where: \.hasSpecifiers)
        let texts = set.map { Bytes((hasSpecifiers ? $0.text : $0.value).utf8) }
        let before = Self.joined(name, texts)
        var environment = LaunchEnvironment(before.map { [Bytes("\(name)=".utf8) + $0] } ?? [])
        switch name {
        case "LD_PRELOAD": environment.preload(Bytes(library.utf8))
        case "GODEBUG" where keepsTCP: environment.disableGoMultipath()
        case "GODEBUG": environment.enableGoMultipath()
        case MPTCPIZE_ENV_POLICY: environment.setPolicy(policy)
        default: environment.showProtocolAsTCP()
        }
        let after = environment.value(of: name) ?? []
        if values.count == 1, after == before { return nil }
        return Merged(value: after.text, hasSpecifiers: hasSpecifiers)
    }

    /// All that several readings say, so that the first one's counts most.
    private static func joined(_ name: String, _ texts: [Bytes]) -> Bytes? {
        guard var result = texts.first else { return nil }
        for text in texts.dropFirst() {
            if name == "LD_PRELOAD" {
                let present = PreloadList(result).entries
                for entry in PreloadList(text).entries where !present.contains(entry) {
                    result += (result.isEmpty ? [] : [UInt8(ascii: ":")]) + entry
                }
            } else if name == "GODEBUG", !text.isEmpty {
                // Of a list "key=value,…" the last one counts.
                result = text + (result.isEmpty ? [] : [UInt8(ascii: ",")]) + result
            }
        }
        return result
    }
}
