/// One metric with all its series.
package struct MetricFamily: Sendable {
    package enum Kind: Sendable {
        case gauge
        /// Only rises. Its name ends in "_total".
        case counter
    }

    package enum Value: Sendable, Equatable {
        case number(UInt64)
        case seconds(Double)
    }

    /// A label's name and value.
    package typealias Label = (name: String, value: String)

    package struct Sample: Sendable {
        package let labels: [Label]
        package let value: Value
    }

    package let name: String
    package let kind: Kind
    /// A sentence without quotation marks, backslashes and newlines.
    package let help: String
    package private(set) var samples: [Sample] = []

    package init(_ name: String, _ kind: Kind = .gauge, help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }

    package mutating func add(_ value: some BinaryInteger, _ labels: Label...) {
        samples.append(Sample(labels: labels, value: .number(UInt64(clamping: value))))
    }

    package mutating func add(_ condition: Bool, _ labels: Label...) {
        samples.append(Sample(labels: labels, value: .number(condition ? 1 : 0)))
    }

    package mutating func add(seconds: Double) {
        samples.append(Sample(labels: [], value: .seconds(seconds)))
    }
}
