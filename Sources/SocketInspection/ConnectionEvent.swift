import LinuxSystem
import Processes
import SocketValues
import TextOutput

/// One line of `mptcpize events`.
package struct ConnectionEvent: Equatable, Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        /// A connection that speaks MPTCP.
        case made
        /// One that asked for MPTCP and goes on as plain TCP.
        case fallback
        /// A subflow more, or one less.
        case joined, lost
        /// A connection that was told of has ended.
        case closed
        /// Events came faster than they could be read.
        case missed
    }

    /// Whose connection it is.
    package struct Owner: Equatable, Sendable {
        package let process: SocketOwner
        package let unit: String?

        package init(_ process: SocketOwner, unit: String?) {
            self.process = process
            self.unit = unit
        }
    }

    package var kind: Kind
    /// The connection's; 0 for one that never had one.
    package var token: UInt32 = 0
    /// The connection's addresses, or the subflow's.
    package var local: SocketAddress?
    package var remote: SocketAddress?
    /// Whether the peer connected to this host; nil where that is not known.
    package var isServer: Bool?
    /// For a connection that came in, who listens for it.
    package var owner: Owner?
    /// Of a subflow: used only while no other one works.
    package var isBackup = false
    /// Of a subflow: why it ended.
    package var error: Int32?
    /// Of fallbacks.
    package var cause: String?
    /// Of fallbacks that had ended before they could be looked at: how many.
    package var count: UInt64?

    package init(_ kind: Kind) { self.kind = kind }

    // MARK: For people and programs

    /// A line without a newline.
    ///
    /// - Parameter milliseconds: when it was noticed, since 1970.
    package func line(at milliseconds: UInt64) -> String {
        var words = [localTime(milliseconds / 1000)]
        words.append(kind.rawValue + String(repeating: " ", count: 8 - kind.rawValue.utf8.count))
        if kind == .missed {
            words.append("events came too fast; what is there now was looked up again")
            return words.joined(separator: " ")
        }
        if let count {
            words.append("\(count) that ended before they could be looked at")
        } else {
            words += [local?.text ?? "-", remote?.text ?? "-"]
            words.append(
                owner.map { "\($0.process.program.printable)(\($0.process.pid))" } ?? "-")
            words.append(owner?.unit?.printable ?? "-")
        }
        if isBackup { words.append("backup") }
        if let error, error != 0 { words.append(Errno(rawValue: error).name) }
        if let cause { words.append(cause) }
        // As `ip mptcp monitor` writes it: whoever searches for one finds the other.
        if token != 0 { words.append("token \(allHexDigits(token))") }
        return words.joined(separator: " ")
    }

    /// The same as a document, version 1 of its format.
    package func json(at milliseconds: UInt64) -> JSONValue {
        let fraction = String(1000 + milliseconds % 1000).dropFirst()
        return [
            "version": 1,
            "time": .written(Array("\(milliseconds / 1000).\(fraction)".utf8)),
            "event": .string(kind.rawValue),
            "token": token == 0 ? .null : JSONValue(token),
            "side": JSONValue(isServer.map { $0 ? "server" : "client" }),
            "local": JSONValue(local?.text), "remote": JSONValue(remote?.text),
            "program": JSONValue(owner?.process.program), "pid": JSONValue(owner?.process.pid),
            "unit": JSONValue(owner?.unit),
            "backup": [.joined, .lost].contains(kind) ? .bool(isBackup) : .null,
            "error": JSONValue(error.flatMap { $0 == 0 ? nil : Errno(rawValue: $0).name }),
            "cause": JSONValue(cause), "count": JSONValue(count),
        ]
    }
}
