/// A firewall rule that removes MPTCP from packets, or drops packets that have it.
struct FirewallRule: Equatable {
    enum Effect: Equatable {
        /// The option is taken out: connections are plain TCP.
        case strips
        /// Packets with the option are dropped: connections wait, and MPTCP is switched off for all.
        case drops
        /// The firewall answers the handshake itself, without the option.
        case answers

        var words: String {
            switch self {
            case .strips: "removes the MPTCP option from the packets that it matches"
            case .drops: "drops the packets with an MPTCP option that it matches"
            case .answers: "answers the handshakes that it matches, without MPTCP"
            }
        }
    }

    /// "table inet filter, chain output".
    let place: String
    /// Of an nft table, its family and name.
    var table: [String] = []
    let effect: Effect
    /// How often it was met; nil where it does not count.
    var packets: Int64?
    /// What takes it away.
    let remedy: String

    var finding: Finding {
        let met = packets.map { $0 == 1 ? " (1 packet so far)" : " (\($0) packets so far)" } ?? ""
        return Finding(
            .problem, FirewallChecks.subject, "\(place): a rule \(effect.words)\(met)", next: remedy
        )
    }
}
