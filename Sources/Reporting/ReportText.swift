import LinuxSystem
import SocketRecords
import SocketValues
import TextOutput

extension SocketReport {
    /// The report for people: a table, then its sum in words. Each element is a line without newline.
    package func lines(styled: Bool = false) -> [String] {
        let notes = [supervisor?.sentence, unreachedSentence].compactMap { $0 } + dropped
        if sockets.isEmpty { return [emptyReport] + notes }
        var table = TextTable([
            .init("PID", .right), .init("PROGRAM"), .init("FD", .right), .init("ROLE"),
            .init("LOCAL"), .init("REMOTE"), .init("RESULT"), .init("PATHS", .right),
            .init("SENT", .right), .init("RECEIVED", .right),
        ])
        for socket in sockets {
            table.append(Self.cells(socket), note: note(socket))
        }
        return table.lines(noteTitle: "WHY", styled: styled) + [sentences] + notes
    }

    private static func cells(_ socket: ReportedSocket) -> [TextTable.Cell] {
        let answer = socket.answer
        let isConnection = [.mptcp, .fallback, .tcp].contains(answer.wire)
        let style: TextTable.Style? =
            switch answer.wire {
            case .mptcp: .good
            case .fallback, .tcp: .doubtful
            case .listening, .unconnected, .unknown: nil
            }
        let paths = isConnection ? answer.subflows.map { "\($0)" } : nil
        let sent = isConnection ? answer.bytesSent.map(byteCount) : nil
        let received = isConnection ? answer.bytesReceived.map(byteCount) : nil
        return [
            .init("\(socket.pid)"), .init(socket.program.text),
            .init(socket.fd < 0 ? "-" : "\(socket.fd)"),
            .init(socket.role == .none ? "-" : socket.role.rawValue),
            .init(socket.local?.text ?? "-"), .init(socket.remote?.text ?? "-"),
            .init(answer.wire.rawValue, style), .init(paths ?? "-"), .init(sent ?? "-"),
            .init(received ?? "-"),
        ]
    }

    private func note(_ socket: ReportedSocket) -> String {
        let remedies = socket.remedies.map { $0.inWords }
        return (remedies + [socket.why]).filter { !$0.isEmpty }.joined(separator: "; ")
    }

    /// The sum. What it says first adds up to the number of sockets that asked for TCP.
    private var sentences: String {
        let summary = summary
        let asked = summary.ofRequested
        func count(_ wire: Wire, in counts: [Wire: Int]) -> Int { counts[wire] ?? 0 }
        var text =
            "\(counted(summary.requested)) asked for TCP: "
            + "\(count(.mptcp, in: asked)) went over MPTCP, "
            + "\(count(.fallback, in: asked)) fell back to TCP on the wire, "
            + "\(count(.tcp, in: asked)) stayed TCP."
        let others = [
            (count(.listening, in: asked), "listening"),
            (count(.unconnected, in: asked), "never connected"),
            (count(.unknown, in: asked), "not seen to the end"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        if !others.isEmpty { text += " Of the rest: \(others.joined(separator: ", "))." }
        var accepted = summary.all
        for (wire, number) in asked { accepted[wire, default: 0] -= number }
        let total = accepted.values.reduce(0, +)
        if total > 0 {
            let kinds = [
                (count(.mptcp, in: accepted), "over MPTCP"),
                (count(.fallback, in: accepted), "fell back to TCP"),
                (count(.tcp, in: accepted), "over TCP"),
                (count(.unknown, in: accepted), "not seen to the end"),
                (count(.unconnected, in: accepted), "without a connection"),
            ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
            text += " \(counted(total)) accepted: \(kinds.joined(separator: ", "))."
        }
        return text
    }

    private func counted(_ number: Int) -> String { number == 1 ? "1 socket" : "\(number) sockets" }

    private var emptyReport: String {
        let reason =
            if byKernel {
                "it used none before it ended"
            } else if !notes.isEmpty {
                notes.joined(separator: "; ")
            } else if wasReached {
                "it used none, or only by raw system calls, or in a static or Go program that it started"
                    + otherCause
            } else {
                "the preload library was not loaded into it (is it static, or a Go program?)"
            }
        return "The program opened no TCP socket that could be seen: \(reason)."
    }

    private var otherCause: String {
        if otherLibraries.isEmpty { return "" }
        let names = otherLibraries.map { $0.lastPathComponent.text.printable }
        return
            ", or by \(names.joined(separator: ", ")), which LD_PRELOAD names before mptcpize's library"
            + " and which may take socket() past it"
    }

    private var dropped: [String] {
        switch eventsDropped {
        case 0: []
        case 1: ["1 event was lost: the report may be incomplete."]
        default: ["\(eventsDropped) events were lost: the report may be incomplete."]
        }
    }
}
