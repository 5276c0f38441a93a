import SocketPolicy

/// Where the rules of one canonical text were written. Records of the preload library name these
/// places by number.
package struct PolicyOrigins: Sendable, Equatable {
    private let origins: [PolicyOrigin]
    /// mptcpize_policy_sum() of the text.
    private let sum: UInt16

    package init(_ origins: [PolicyOrigin], sum: UInt16) {
        self.origins = origins
        self.sum = sum
    }

    package init(ofText text: String) {
        self.init(Policy.origins(ofText: text), sum: mptcpize_policy_sum(text))
    }

    /// Where the rule of this number was written; nil for none that there is. A run within the run
    /// has a text of its own.
    package func origin(of rule: Int, inTextOf sum: UInt16) -> PolicyOrigin? {
        if sum != self.sum { return .ofAnotherRun }
        return origins.indices.contains(rule) ? origins[rule] : nil
    }
}
