import Reporting
import SocketValues

/// The summary of a report: its time, what the sockets became, and which options were mended. It has
/// no address, no argument and no number of bytes.
package struct RememberedReport: Equatable, Sendable {
    /// An option with its remedy, and how many sockets it was met on.
    package struct Option: Equatable, Sendable {
        package var level: UInt32
        package var number: UInt32
        /// Nil for one that is not known here.
        package var kind: Remedy.Kind?
        package var sockets: Int
    }

    /// Seconds since 1970.
    package var date: UInt64
    /// Sockets by what they were on the wire.
    package var wires: [Wire: Int]
    package var options: [Option]

    /// More options than the kernel has make no sense; a program can fill the ring with them.
    private static let mostOptions = 64

    /// A report lists no more sockets than these (SocketLedger): a larger number is none of ours.
    private static let mostSockets = 1 << 20
    /// The year 10000, in seconds since 1970.
    private static let latest: UInt64 = 253_402_300_800

    package init(_ report: SocketReport, date: UInt64) {
        self.date = date
        wires = report.summary.all
        options = []
        for socket in report.sockets {
            for remedy in socket.remedies {
                count(
                    Option(
                        level: remedy.level, number: remedy.option, kind: remedy.kind, sockets: 1))
            }
        }
    }

    /// Several reports as one, of the newest's date.
    package init?(sum reports: [RememberedReport]) {
        guard var sum = reports.max(by: { $0.date < $1.date }) else { return nil }
        sum.options = []
        sum.wires = [:]
        for report in reports {
            for option in report.options { sum.count(option) }
            for (wire, count) in report.wires { sum.wires[wire, default: 0] &+= count }
        }
        self = sum
    }

    private mutating func count(_ option: Option) {
        let known = options.firstIndex {
            ($0.level, $0.number, $0.kind) == (option.level, option.number, option.kind)
        }
        if let known {
            options[known].sockets &+= option.sockets
        } else if options.count < Self.mostOptions {
            options.append(option)
        }
    }
}

/// The form in which reports lie in a file: a line for each, and one for each option.
///
///     report 1793455380 mptcp=8 fallback=3
///     option 6 3 adjust 12
extension RememberedReport {
    var lines: [String] {
        let counts = Wire.allCases.compactMap { wire in
            wires[wire].map { "\(wire.rawValue)=\($0)" }
        }
        return [(["report \(date)"] + counts).joined(separator: " ")]
            + options.map {
                "option \($0.level) \($0.number) \($0.kind?.rawValue ?? "unknown") \($0.sockets)"
            }
    }

    /// Takes such lines apart; what makes no sense is left out.
    static func parse(_ lines: some Sequence<String>) -> [RememberedReport] {
        var reports: [RememberedReport] = []
        for line in lines {
            let words = line.split(separator: " ")
            switch words.first {
            case "report":
                guard words.count > 1, let date = UInt64(words[1]), date < latest
                else { return reports }
                reports.append(RememberedReport(date: date, counts: words.dropFirst(2)))
            case "option":
                guard words.count == 5, let level = UInt32(words[1]),
                    let number = UInt32(words[2]), let sockets = Int(words[4]),
                    (1...mostSockets).contains(sockets), !reports.isEmpty
                else { continue }
                reports[reports.count - 1].count(
                    Option(
                        level: level, number: number, kind: Remedy.Kind(rawValue: "\(words[3])"),
                        sockets: sockets))
            default: continue
            }
        }
        return reports
    }

    private init(date: UInt64, counts: some Sequence<Substring>) {
        self.date = date
        options = []
        wires = [:]
        for count in counts {
            let parts = count.split(separator: "=")
            if parts.count == 2, let wire = Wire(rawValue: String(parts[0])),
                let number = Int(parts[1]), (1...Self.mostSockets).contains(number)
            {
                wires[wire] = number
            }
        }
    }
}
