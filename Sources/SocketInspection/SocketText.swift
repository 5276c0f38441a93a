import LinuxSystem
import Netlink
import Processes
import TextOutput

/// How a listing looks to a person.
package struct SocketTextOptions: Sendable {
    /// A line for each subflow.
    package var isDetailed: Bool
    package var isStyled: Bool
    /// Columns of the terminal.
    package var width: Int
    /// With rates since an earlier listing.
    package var rates: SocketRates?

    package init(
        isDetailed: Bool = false, isStyled: Bool = false, width: Int = 100,
        rates: SocketRates? = nil
    ) {
        self.isDetailed = isDetailed
        self.isStyled = isStyled
        self.width = width
        self.rates = rates
    }
}

extension SocketListing {
    /// A table, then its sum in words. One line each, no newlines.
    package func lines(_ options: SocketTextOptions = SocketTextOptions()) -> [String] {
        let hasNamespaces = sockets.contains { $0.namespace != nil }
        var columns: [TextTable.Column] = [
            .init("STATE"), .init("WIRE"), .init("LOCAL"), .init("REMOTE"),
            .init("PATHS", .right), .init("SENT", .right), .init("RECEIVED", .right),
        ]
        if options.rates != nil {
            columns += [.init("SENT/S", .right), .init("RECEIVED/S", .right)]
        }
        columns += [.init("RETRANS", .right), .init("IDLE", .right), .init("PROGRAM")]
        if hasNamespaces { columns.append(.init("NETNS")) }
        var table = TextTable(columns)
        for socket in sockets {
            var cells = Self.cells(socket, options)
            if hasNamespaces { cells.append(.init(socket.namespace?.printable ?? "-")) }
            table.append(cells, note: Self.note(socket))
            guard options.isDetailed else { continue }
            for (index, subflow) in socket.subflows.enumerated() {
                let isLast = index == socket.subflows.count - 1
                var cells = Self.cells(subflow: subflow, isLast ? "└ " : "├ ", options)
                if hasNamespaces { cells.append("") }
                table.append(cells, note: Self.note(subflow: subflow))
            }
        }
        let body =
            sockets.isEmpty ? [] : table.lines(width: options.width, styled: options.isStyled)
        return body + [sentence] + notes
    }

    private static func cells(
        _ socket: ListedSocket, _ options: SocketTextOptions
    ) -> [TextTable.Cell] {
        let style: TextTable.Style? =
            switch socket.wire {
            case .mptcp: .good
            case .fallback, .tcp: .doubtful
            case .listening, .unconnected, .unknown: nil
            }
        let diag = socket.socket
        let remote = socket.isListener ? "-" : diag.remote.text
        var cells: [TextTable.Cell] = [
            .init(diag.state.name), .init(socket.wire.rawValue, style), .init(diag.local.text),
            .init(remote), .init(socket.paths == 0 ? "-" : "\(socket.paths)"),
            .init(socket.bytesSent.map(byteCount) ?? "-"),
            .init(socket.bytesReceived.map(byteCount) ?? "-"),
        ]
        if let rates = options.rates {
            let rate = rates.of(socket)
            cells.append(.init(rate.map { byteCount($0.sent) } ?? "-"))
            cells.append(.init(rate.map { byteCount($0.received) } ?? "-"))
        }
        cells.append(.init(socket.retransmits.map { "\($0)" } ?? "-"))
        cells.append(.init(socket.idle.map { duration(milliseconds: UInt64($0)) } ?? "-"))
        cells.append(.init(owners(socket.owners)))
        return cells
    }

    private static func cells(
        subflow: DiagSocket, _ branch: String, _ options: SocketTextOptions
    ) -> [TextTable.Cell] {
        let tcp = subflow.tcp
        let role = subflow.role
        // Without the token's attributes, how it came to be is not known.
        let kind = role.map { $0.isBackup ? "backup" : $0.isJoined ? "joined" : "first" }
        let isJoining = role.map { !$0.isEstablished && $0.isJoined } ?? false
        let state = isJoining && subflow.state != .close ? "joining" : subflow.state.name
        var cells: [TextTable.Cell] = [
            .init(branch + state), .init(kind ?? "-"), .init(subflow.local.text),
            .init(subflow.remote.text), "",
            .init(tcp?.bytesSentOnce.map(byteCount) ?? "-"),
            .init(tcp?.bytesReceived.map(byteCount) ?? "-"),
        ]
        if options.rates != nil { cells += ["", ""] }
        cells.append(.init(tcp.map { "\($0.retransmits)" } ?? "-"))
        cells.append(.init(subflow.idle.map { duration(milliseconds: UInt64($0)) } ?? "-"))
        cells.append(.init(tcp.map { "rtt \(milliseconds($0.roundTripTime))" } ?? ""))
        return cells
    }

    /// "nginx(812)", "nginx(813,812)", "nginx(815,814,813 and 2 more)", "-".
    private static func owners(_ owners: [SocketOwner]) -> String {
        guard let first = owners.first else { return "-" }
        let shown = owners.prefix(3).map { "\($0.pid)" }.joined(separator: ",")
        let more = owners.count > 3 ? " and \(owners.count - 3) more" : ""
        return "\(first.program.printable)(\(shown)\(more))"
    }

    private static func note(_ socket: ListedSocket) -> String {
        var parts: [String] = []
        if let reason = socket.reason { parts.append(reason.text.printable) }
        if let unknown = socket.socket.mptcp?.flags.unknown.rawValue, unknown != 0 {
            parts.append("flags \(hexadecimal(unknown))")
        }
        if !socket.socket.unknownAttributes.isEmpty {
            parts.append("attributes \(list(socket.socket.unknownAttributes))")
        }
        return parts.joined(separator: "; ")
    }

    private static func note(subflow: DiagSocket) -> String {
        var parts: [String] = []
        if let info = subflow.subflow {
            parts.append("id \(info.localID):\(info.remoteID)")
            let flags = info.flags
            if flags.contains([.backupLocal, .backupRemote]) {
                parts.append("backup: both ends asked for it")
            } else if flags.contains(.backupLocal) {
                parts.append("backup: this end asked for it")
            } else if flags.contains(.backupRemote) {
                parts.append("backup: the peer asked for it")
            }
            if flags.unknown.rawValue != 0 {
                parts.append("flags \(hexadecimal(flags.unknown.rawValue))")
            }
            if !info.unknownAttributes.isEmpty {
                parts.append("attributes \(list(info.unknownAttributes))")
            }
        }
        return parts.joined(separator: ", ")
    }

    private static func hexadecimal(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }

    private static func list(_ numbers: [UInt16]) -> String {
        numbers.map { "\($0)" }.joined(separator: ",")
    }

    /// Microseconds, as "0.04ms", "12ms".
    private static func milliseconds(_ microseconds: UInt32) -> String {
        if microseconds >= 10_000 { return "\(microseconds / 1000)ms" }
        let hundredths = microseconds / 10
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)ms"
    }
}
