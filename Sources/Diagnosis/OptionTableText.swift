import KernelProbe
import TextOutput

extension OptionTable {
    /// The table for a person. One line each, no newlines.
    package static func lines(_ rows: [Row]) -> [String] {
        var table = TextTable([
            .init("OPTION"), .init("LEVEL"), .init("THIS KERNEL"), .init("REMEDY"),
            .init("DECIDED"), .init("ONCE CONNECTED"),
        ])
        for row in rows {
            table.append(
                [
                    .init(row.name), .init(row.level), .init(row.answer.text),
                    .init(row.remedy.rawValue), .init(row.decided?.rawValue ?? "-"),
                    .init(row.remedyOnceConnected.rawValue),
                ], note: row.reason)
        }
        return table.lines(noteTitle: "REASON", width: .max)
    }

    /// The same as one document, version 1 of its format.
    package static func json(_ rows: [Row]) -> JSONValue {
        [
            "version": 1,
            "options": .array(
                rows.map {
                    [
                        "option": .string($0.name), "level": .string($0.level),
                        "kernel": .string($0.answer.text),
                        "remedy": .string($0.remedy.rawValue),
                        "decided": $0.decided.map { .string($0.rawValue) } ?? .null,
                        "remedy_once_connected": .string($0.remedyOnceConnected.rawValue),
                        "reason": .string($0.reason),
                    ]
                }),
        ]
    }
}

extension OptionTable.Answer {
    /// "taken", "ENOPROTOOPT", "not asked (EAFNOSUPPORT)", "unknown to TCP too".
    var text: String {
        switch self {
        case .taken: "taken"
        case .refused(let error): error.name
        case .unknown(let error): "not asked (\(error.name))"
        case .unknownToTCP: "unknown to TCP too"
        }
    }
}
