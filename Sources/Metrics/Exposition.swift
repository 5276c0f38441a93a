import LinuxSystem

/// Metrics as text, in the formats that Prometheus and similar collectors read.
///
/// OpenMetrics 1.0 and the older text format 0.0.4 differ in one thing that matters here. The name of
/// a counter in its TYPE line has no "_total" in OpenMetrics, and has it in the older format. Each
/// format would read the other's name as another metric.
package enum Exposition: Sendable, CaseIterable {
    /// OpenMetrics that is valid 0.0.4 too: counters have no TYPE line, which both allow. For
    /// files, and for pipes into whatever tool.
    case both
    /// https://github.com/prometheus/OpenMetrics, version 1.0.0.
    case openMetrics
    /// https://prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4.
    case text

    package var contentType: String {
        switch self {
        case .both, .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        }
    }

    /// Metrics without series are left out.
    package func write(_ families: [MetricFamily]) -> [UInt8] {
        var output: [UInt8] = []
        for family in families where !family.samples.isEmpty {
            output += header(family).utf8
            for sample in family.samples {
                output += family.name.utf8
                Self.write(sample.labels, to: &output)
                output.append(UInt8(ascii: " "))
                switch sample.value {
                case .number(let value): output += String(value).utf8
                case .seconds(let value): output += String(value).utf8
                }
                output.append(UInt8(ascii: "\n"))
            }
        }
        return output + (self == .text ? "" : "# EOF\n").utf8
    }

    private func header(_ family: MetricFamily) -> String {
        let suffix = "_total"
        let isShort = self == .openMetrics && family.kind == .counter
        let name = isShort ? String(family.name.dropLast(suffix.count)) : family.name
        var lines = "# HELP \(name) \(family.help)\n"
        switch family.kind {
        case .gauge: lines += "# TYPE \(name) gauge\n"
        case .counter where self != .both: lines += "# TYPE \(name) counter\n"
        case .counter: break
        }
        let unit = ["bytes", "seconds"].first { family.name.hasSuffix("_\($0)") }
        if let unit, self != .text { lines += "# UNIT \(name) \(unit)\n" }
        return lines
    }

    private static func write(_ labels: [MetricFamily.Label], to output: inout [UInt8]) {
        if labels.isEmpty { return }
        for (index, label) in labels.enumerated() {
            output.append(UInt8(ascii: index == 0 ? "{" : ","))
            output += label.name.utf8
            output += "=\"".utf8
            // Other people's data: without what a terminal would obey.
            for byte in label.value.printable.utf8 {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                    output.append(UInt8(ascii: "\\"))
                }
                output.append(byte)
            }
            output.append(UInt8(ascii: "\""))
        }
        output.append(UInt8(ascii: "}"))
    }
}
