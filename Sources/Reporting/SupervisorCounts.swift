import TextOutput

/// What a supervisor by seccomp has done until the program ended.
package struct SupervisorCounts: Sendable {
    /// Calls that it answered.
    package var calls: UInt64 = 0
    /// Sockets that it made MPTCP, and that it left TCP.
    package var socketsMPTCP: UInt64 = 0
    package var socketsTCP: UInt64 = 0
    /// MPTCP sockets whose place TCP took, for an option or a rule.
    package var socketsReplaced: UInt64 = 0
    package var optionsIgnored: UInt64 = 0
    package var optionsAdjusted: UInt64 = 0
    package var optionsRefused: UInt64 = 0
    /// Options that were asked for, and that it answered instead of the kernel.
    package var optionsAnswered: UInt64 = 0

    package init() {}

    var json: JSONValue {
        [
            "calls": JSONValue(calls),
            "sockets_mptcp": JSONValue(socketsMPTCP), "sockets_tcp": JSONValue(socketsTCP),
            "sockets_replaced": JSONValue(socketsReplaced),
            "options_ignored": JSONValue(optionsIgnored),
            "options_adjusted": JSONValue(optionsAdjusted),
            "options_refused": JSONValue(optionsRefused),
            "options_answered": JSONValue(optionsAnswered),
        ]
    }

    var sentence: String {
        let done = [
            (socketsMPTCP, "socket", "made MPTCP"), (socketsTCP, "socket", "left TCP"),
            (socketsReplaced, "socket", "replaced by TCP"), (optionsIgnored, "option", "ignored"),
            (optionsAdjusted, "option", "adjusted"), (optionsRefused, "option", "refused"),
            (optionsAnswered, "option", "answered"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s") \($0.2)" }
        let sum = done.isEmpty ? "nothing to do" : done.joined(separator: ", ")
        return "The supervisor was asked \(calls) times: \(sum)."
    }
}
