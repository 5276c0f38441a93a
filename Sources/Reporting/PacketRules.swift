import ConnectionPolicy
import SocketValues

/// Rules by which the kernel removes MPTCP's option from packets, in the BPF mode. The kernel shows
/// that a connection fell back, but not why. A rule that matches its address is taken as the reason.
package struct PacketRules {
    private let table: PolicyTable
    private let origins: [PolicyOrigin]

    /// - Parameter text: canonical.
    package init(_ text: String) {
        table = PolicyTable(text, program: nil)
        origins = Policy.origins(ofText: text)
    }

    /// Where the rule was written that keeps a socket's connection TCP; nil where none does.
    func origin(_ socket: ReportedSocket) -> PolicyOrigin? {
        let ruling =
            switch (socket.role, socket.answer.wire) {
            case (.connect, .fallback):
                socket.remote.flatMap { table.ruling(.connect, $0.host, port: $0.port) }
            // Its listener goes on with TCP where the first packet says nothing of MPTCP.
            case (.accept, .tcp), (.accept, .fallback):
                socket.local.flatMap { table.ruling(.listen, $0.host, port: $0.port) }
            default: nil as PolicyRuling?
            }
        guard let ruling, ruling.isTCP, let rule = ruling.rule, origins.indices.contains(rule)
        else { return nil }
        return origins[rule]
    }
}

extension SocketReport {
    /// Names the rules that have decided on packets.
    package mutating func attribute(to rules: PacketRules) {
        for index in sockets.indices where sockets[index].policy == nil {
            sockets[index].packetRule = rules.origin(sockets[index])
        }
    }
}
