import Launch
import LinuxSystem
import SocketEvents

/// How LD_PRELOAD and GODEBUG are changed for a service: as `run` changes them for
/// a program (`LaunchEnvironment`).
enum PreloadVariables {
    /// - Parameter protocolAsTCP: whether SO_PROTOCOL of MPTCP sockets is to read IPPROTO_TCP.
    static func names(protocolAsTCP: Bool) -> [String] {
        ["LD_PRELOAD", "GODEBUG"] + (protocolAsTCP ? [MPTCPIZE_ENV_PROTOCOL_AS_TCP] : [])
    }

    /// What to do where a unit's own file sets the variable last.
    static func advice(_ name: String, preload library: String) -> String {
        switch name {
        case "LD_PRELOAD": "add \(library) to LD_PRELOAD there"
        case "GODEBUG": "add multipathtcp=1 to it there"
        default: "set it to 1 there"
        }
    }

    /// The variable's new value; nil where what it says is right already.
    ///
    /// - Parameter value: what it was; may hold specifiers that systemd has yet to expand.
    static func merged(_ name: String, _ value: String?, preload library: String) -> String? {
        var environment = LaunchEnvironment(value.map { [Bytes("\(name)=\($0)".utf8)] } ?? [])
        switch name {
        case "LD_PRELOAD": environment.preload(Bytes(library.utf8))
        case "GODEBUG": environment.enableGoMultipath()
        default: environment.showProtocolAsTCP()
        }
        let merged = environment.value(of: name)?.text ?? ""
        return merged == value ? nil : merged
    }
}
