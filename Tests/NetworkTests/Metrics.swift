import Foundation
import TestSupport
import Testing

/// What `mptcpize metrics` writes, read by the parsers of those who collect it.
struct Metrics {
    struct Sample {
        let name: String
        let labels: [String: String]
        let value: Double
    }

    let samples: [Sample]
    /// By the parser's name of a metric: OpenMetrics has a counter's without "_total".
    let types: [String: String]

    /// - Parameter format: "openmetrics" or "text".
    init(parsing text: String, as format: String = "openmetrics") throws {
        let fixture = Repository.path("Tests/Fixtures/parse_metrics.py")
        let parsed = try mustRun(["python3", fixture, format], input: text)
        let families = try #require(
            try JSONSerialization.jsonObject(with: Data(parsed.utf8)) as? [[String: Any]])
        var types: [String: String] = [:]
        samples = families.flatMap { family in
            types[family["name"] as? String ?? ""] = family["type"] as? String
            return (family["samples"] as? [[String: Any]] ?? []).map {
                Sample(
                    name: $0["name"] as? String ?? "",
                    labels: $0["labels"] as? [String: String] ?? [:],
                    value: ($0["value"] as? NSNumber)?.doubleValue ?? .nan)
            }
        }
        self.types = types
    }

    /// Those of a namespace, once promtool has nothing to say of them.
    init(in namespace: Namespace?) throws {
        let text = try mustRun([Products.mptcpize, "metrics"], in: namespace)
        let lint = try run(["promtool", "check", "metrics"], input: text)
        #expect(lint.succeeded && lint.errors.isEmpty, "\(lint)")
        try self.init(parsing: text)
    }

    /// The sum over all series with these labels; nil where there is none.
    func sum(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        let own = samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0] == $1 }
        }
        return own.isEmpty ? nil : own.reduce(0) { $0 + $1.value }
    }

    /// All values of a label.
    func values(of label: String, _ name: String) -> Set<String> {
        Set(samples.filter { $0.name == name }.compactMap { $0.labels[label] })
    }
}

extension Requirement {
    /// The tools of those who collect metrics.
    static let prometheus = Requirement("promtool, and prometheus_client for python3") {
        Environment.find("promtool") != nil
            && ((try? run(["python3", "-c", "import prometheus_client"]))?.succeeded ?? false)
    }
}
