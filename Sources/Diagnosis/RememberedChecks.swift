import LinuxSystem
import RunHistory
import SocketValues
import TextOutput

/// What earlier runs of a program under `run --report` or `run --debug` found.
enum RememberedChecks {
    static func findings(program: Bytes) -> [Finding] {
        findings(reports(of: program), whose: "")
    }

    /// The same for the programs of a unit. The unit's own processes write no reports.
    static func findings(unitPrograms: [String]) -> [Finding] {
        unitPrograms.flatMap { program in
            findings(reports(of: Bytes(program.utf8)), whose: " of \(program) run by hand")
        }
    }

    private static func reports(of program: Bytes) -> [RememberedReport] {
        ReportMemory.ofThisUser()?.reports(of: program) ?? []
    }

    private static func findings(_ reports: [RememberedReport], whose: String) -> [Finding] {
        guard let sum = RememberedReport(sum: reports) else { return [] }
        let date = localTime(sum.date).dropLast(":00".count)
        let since = reports.count == 1 ? "of" : "the last of"
        return [
            Finding(
                .ok, "reports", "\(reports.count)\(whose), \(since) \(date): \(results(sum))"),
            options(sum),
        ]
    }

    private static func results(_ sum: RememberedReport) -> String {
        let parts = [
            (Wire.mptcp, "over MPTCP"), (.fallback, "fell back to TCP"), (.tcp, "stayed TCP"),
            (.listening, "listening"), (.unconnected, "never connected"),
            (.unknown, "not seen to the end"),
        ].compactMap { wire, words in sum.wires[wire].map { "\($0) \(words)" } }
        return parts.isEmpty ? "no TCP sockets" : parts.joined(separator: ", ")
    }

    private static func options(_ sum: RememberedReport) -> Finding {
        let subject = "options"
        guard !sum.options.isEmpty else {
            return Finding(.ok, subject, "none needed a remedy in these runs")
        }
        let list = sum.options.map { option in
            let remedy = Remedy(level: option.level, option: option.number, kind: option.kind)
            let count = option.sockets == 1 ? "1 socket" : "\(option.sockets) sockets"
            return "\(remedy.inWords) (\(count))"
        }
        return Finding(
            .note, subject, list.joined(separator: ", "),
            next: "`mptcpize check --options` explains them")
    }
}
