import LinuxSystem
import Netlink
import SocketInspection

/// What a server must announce if peers cannot open their second path to the address that they
/// connected to. This is so behind a load balancer, which would give the path to another server.
enum LoadBalancerChecks {
    private static let name = "net.mptcp.allow_join_initial_addr_port"

    /// - Parameters:
    ///   - value: the sysctl's; nil where this kernel does not have it (Linux 5.14).
    ///   - endpoints: without implicit ones.
    ///   - addresses: those that could be announced, each with its interface.
    static func findings(
        value: String?, endpoints: [MPTCPEndpoint], addresses: [(host: String, interface: String)],
        counters: MPTCPCounters
    ) -> [Finding] {
        switch value {
        case nil: return []
        case "0": return [forbidden(endpoints, addresses)]
        default: return [strayJoins(counters["MPJoinNoTokenFound"], addresses)].compactMap { $0 }
        }
    }

    /// Each peer is told so in the handshake (RFC 8684 section 3.1, flag C), whoever connects.
    private static func forbidden(
        _ endpoints: [MPTCPEndpoint], _ addresses: [(host: String, interface: String)]
    ) -> Finding {
        let announced = endpoints.filter { $0.flags.contains(.signal) }
        guard announced.isEmpty else {
            let list = announced.map(\.address.host).joined(separator: ", ")
            return Finding(
                .ok, name, "0: peers open further paths only to announced addresses (\(list))")
        }
        return Finding(
            .problem, name,
            "0: peers may open no further path to the address that they connected to, and no other"
                + " is announced (no endpoint is `signal`): connections to this host have one path",
            next: remedy(endpoints, addresses))
    }

    /// Which of both is right, the number of addresses tells: behind a load balancer clients
    /// connect to its address, and the host has one of its own.
    private static func remedy(
        _ endpoints: [MPTCPEndpoint], _ addresses: [(host: String, interface: String)]
    ) -> String {
        let allow = "sysctl -w \(name)=1"
        // What is an endpoint already gets one flag more, but for fullmesh, which does not go with it.
        let commands = addresses.compactMap { address -> String? in
            let add = "ip mptcp endpoint add \(address.host) dev \(address.interface)"
            guard let known = endpoints.first(where: { $0.address.host == address.host }) else {
                return add + " signal"
            }
            if known.flags.contains(.fullmesh) { return nil }
            return "ip mptcp endpoint delete id \(known.id); \(add) id \(known.id)"
                + " \(known.flags.words) signal"
        }
        // ip-mptcp(8) takes eight.
        let announce = commands.prefix(8).joined(separator: "; ")
        if addresses.count > 1, !announce.isEmpty {
            return "\(announce), or \(allow), where no load balancer is in front of this host"
        }
        return announce.isEmpty ? allow : "\(allow), or behind a load balancer: \(announce)"
    }

    /// Joins with a token that is nobody's here: a load balancer's work, or late ones of
    /// connections that have ended.
    private static func strayJoins(
        _ count: UInt64, _ addresses: [(host: String, interface: String)]
    ) -> Finding? {
        guard count > 0 else { return nil }
        return Finding(
            .note, name,
            "1, and \(count == 1 ? "1 path" : "\(count) paths") came in for connections that this"
                + " host does not have (counter MPJoinNoTokenFound): this happens if a load balancer"
                + " spreads the paths of a connection over several servers",
            next: "behind a load balancer: sysctl -w \(name)=0"
                + (addresses.first.map {
                    "; ip mptcp endpoint add \($0.host) dev \($0.interface) signal"
                } ?? ""))
    }
}
