import CLinux
import Glibc
import KernelProbe
import LinuxSystem
import Netlink
import Processes
import SocketInspection
import SocketValues

/// Subflows to addresses that peers announce start from the address that the route gives, whatever
/// the endpoints are, unless an endpoint is laminar or fullmesh. Current connections show the
/// result.
struct AnnouncedPaths {
    /// From which of this host's addresses subflows lead to an announced one.
    struct Use: Equatable {
        let announced: SocketAddress
        var sources: [SocketAddress]
    }

    let uses: [Use]

    /// Those of this network namespace's connections.
    static var present: AnnouncedPaths {
        guard let inventory = try? SocketInventory(over: NetlinkSocket(NETLINK_SOCK_DIAG)) else {
            return AnnouncedPaths(uses: [])
        }
        return AnnouncedPaths(SocketListing(joining: inventory, owners: SocketOwners()).sockets)
    }

    init(uses: [Use]) { self.uses = uses }

    /// - Parameter sockets: with their subflows.
    init(_ sockets: [ListedSocket]) {
        var uses: [Use] = []
        for socket in sockets {
            guard let first = socket.subflows.first(where: { $0.role?.isJoined == false }) else {
                continue
            }
            for subflow in socket.subflows
            where subflow.isSynchronized && subflow.role?.isJoined == true
                // A server's subflows have one local port.
                && subflow.local.port != first.local.port
                && !Self.isSame(subflow.remote, first.remote)
            {
                Self.add(subflow, to: &uses)
            }
        }
        self.uses = uses
    }

    private static func add(_ subflow: DiagSocket, to uses: inout [Use]) {
        if let place = uses.firstIndex(where: { isSame($0.announced, subflow.remote) }) {
            if !uses[place].sources.contains(where: { isSame($0, subflow.local) }) {
                uses[place].sources.append(subflow.local)
            }
        } else {
            uses.append(Use(announced: subflow.remote, sources: [subflow.local]))
        }
    }

    private static func isSame(_ one: SocketAddress, _ other: SocketAddress) -> Bool {
        one.family == other.family && one.networkBytes == other.networkBytes
    }

    /// - Parameters:
    ///   - endpoints: the path manager's.
    ///   - interface: the name of an endpoint's interface; nil where it has none.
    ///   - canBeLaminar: whether the kernel and ip(8) know such endpoints.
    func findings(
        _ endpoints: [MPTCPEndpoint], interface: (MPTCPEndpoint) -> String?,
        canBeLaminar: () -> Bool
    ) -> [Finding] {
        let makers = endpoints.filter { $0.flags.contains(.subflow) }
        guard !endpoints.contains(where: { !$0.flags.isDisjoint(with: [.laminar, .fullmesh]) })
        else { return [] }
        return makers.compactMap { endpoint in
            // Where it is a source already, routes lead there by themselves.
            guard
                !uses.contains(where: { use in
                    use.sources.contains { Self.isSame($0, endpoint.address) }
                }),
                let use = uses.first(where: { $0.announced.family == endpoint.address.family }),
                !endpoint.flags.contains(.signal)
            else { return nil }
            let sources = use.sources.map(\.host).joined(separator: ", ")
            let device = interface(endpoint).map { " dev \($0)" } ?? ""
            return Finding(
                .note, "endpoint \(endpoint.id)",
                "\(endpoint.address.host) \(endpoint.flags.words): peers announce"
                    + " \(use.announced.host), and subflows to there start from \(sources) only",
                next: canBeLaminar()
                    ? "ip mptcp endpoint delete id \(endpoint.id); ip mptcp endpoint add"
                        + " \(endpoint.address.host)\(device) id \(endpoint.id)"
                        + " \(endpoint.flags.words) laminar"
                    : "ip mptcp endpoint change id \(endpoint.id) fullmesh")
        }
    }

    /// Probed: in a network namespace of its own, which takes root.
    static func canBeLaminar() -> Bool {
        guard
            let help = try? Subprocess.run(
                ["ip", "mptcp", "help"], settings: ["LC_ALL": "C.UTF-8"]),
            (help.output + help.errors).contains("laminar")
        else { return false }
        let answer = try? MPTCPFamilies.inNamespaceOfItsOwn { () -> Bool in
            guard let channel = try? NetlinkSocket(NETLINK_GENERIC) else { return false }
            return (try? PathManagement.makesLaminar(over: channel)) ?? false
        }
        return answer ?? false
    }
}
