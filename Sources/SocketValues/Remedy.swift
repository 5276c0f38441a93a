import LinuxSystem
import SocketEvents
import SocketPolicy

/// A socket option that was mended, or a call that was denied to MPTCP (MPTCPIZE_REMEDIED).
package struct Remedy: Equatable, Sendable {
    /// enum mptcpize_remedy of SocketOptions.h, which says what each does.
    package enum Kind: String, Sendable {
        case ignore, adjust, demote, refuse

        package init?(code: UInt16) {
            switch Int(code) {
            case 1: self = .ignore
            case 2: self = .adjust
            case 3: self = .demote
            case 4: self = .refuse
            default: return nil
            }
        }

        fileprivate var inWords: String {
            switch self {
            case .ignore: "ignored"
            case .adjust: "adjusted"
            case .demote: "made it TCP"
            case .refuse: "refused"
            }
        }
    }

    package var level: UInt32
    package var option: UInt32
    /// Nil for one that is not known here.
    package var kind: Kind?
    /// What the kernel said to the option.
    package var error: Errno?

    package init(level: UInt32, option: UInt32, kind: Kind?, error: Errno? = nil) {
        self.level = level
        self.option = option
        self.kind = kind
        self.error = error
    }

    /// "bind", where it is no option but a call.
    private var call: String? {
        guard Int32(bitPattern: level) == MPTCPIZE_LEVEL_CALL else { return nil }
        switch mptcpize_call(rawValue: option) {
        case MPTCPIZE_CALL_BIND: return "bind"
        case MPTCPIZE_CALL_CONNECT: return "connect"
        default: return "listen"
        }
    }

    /// "TCP_CORK", or level and number of an option that is not in the table; "bind".
    package var optionName: String {
        if let call { return call }
        let line = mptcpize_option_find(
            Int32(bitPattern: level), Int32(bitPattern: option))
        guard let line else { return "option \(level)/\(option)" }
        return String(cString: mptcpize_option_label(line))
    }

    /// "TCP_CORK ignored"; "bind denied to MPTCP: made it TCP".
    package var inWords: String {
        "\(optionName)\(call == nil ? "" : " denied to MPTCP:") \(kind?.inWords ?? "met a remedy")"
    }
}
