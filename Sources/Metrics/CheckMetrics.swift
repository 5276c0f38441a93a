import Diagnosis

/// What `mptcpize check` finds without trying anything.
enum CheckMetrics {
    static func families(_ findings: [Finding]) -> [MetricFamily] {
        var results = MetricFamily(
            "mptcpize_check_result",
            help: "The result of mptcpize check for a subject: 1 for the result that it has.")
        var order: [String] = []
        var worst: [String: Finding.Level] = [:]
        for finding in findings {
            let subject = subject(of: finding)
            if worst[subject] == nil { order.append(subject) }
            if rank(finding.level) > rank(worst[subject]) { worst[subject] = finding.level }
        }
        for subject in order {
            for level in Finding.Level.allCases {
                results.add(
                    worst[subject] == level, ("subject", subject), ("result", level.rawValue))
            }
        }
        return [results]
    }

    /// One for all endpoints, and for all services with a network namespace of their own.
    private static func subject(of finding: Finding) -> String {
        if finding.subject.hasPrefix("endpoint ") { return "endpoints" }
        return finding.subject.hasSuffix(".service") ? "services" : finding.subject
    }

    private static func rank(_ level: Finding.Level?) -> Int {
        switch level {
        case nil: 0
        case .ok: 1
        case .note: 2
        case .problem: 3
        }
    }
}
