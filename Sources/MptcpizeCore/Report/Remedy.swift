import SocketPolicy

/// A socket option that met a remedy (MPTCPIZE_REMEDIED).
public struct Remedy: Equatable, Sendable {
    /// enum mptcpize_remedy of SocketOptions.h, which says what each does.
    public enum Kind: String, Sendable {
        case ignore, adjust, demote, refuse

        init?(code: UInt16) {
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

    public var level: UInt32
    public var option: UInt32
    /// Nil for one that is not known here.
    public var kind: Kind?
    /// What the kernel said to the option.
    public var error: Errno?

    /// "TCP_CORK", or level and number of an option that is not in the table.
    public var optionName: String {
        let line = mptcpize_option_find(
            Int32(bitPattern: level), Int32(bitPattern: option))
        guard let line else { return "option \(level)/\(option)" }
        return String(cString: mptcpize_option_label(line))
    }

    /// "TCP_CORK ignored".
    var inWords: String { "\(optionName) \(kind?.inWords ?? "met a remedy")" }
}
