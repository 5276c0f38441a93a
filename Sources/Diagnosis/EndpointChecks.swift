import CLinux
import Glibc
import LinuxSystem
import Netlink
import SocketValues

/// Whether subflows from an endpoint of the kernel's path manager reach the network.
struct EndpointChecks {
    let interfaces: [Interface]
    let links: [Link]

    /// One line for an endpoint, or one for each thing that is wrong with it.
    func findings(_ endpoint: MPTCPEndpoint) -> [Finding] {
        let subject = "endpoint \(endpoint.id)"
        let what = "\(endpoint.address.host) \(endpoint.flags.words)"
        guard let own = interfaces.first(where: { $0.hasAddress(endpoint.address) }) else {
            return [addressless(endpoint, subject, what)]
        }
        guard own.isRunning else {
            return [
                Finding(
                    .problem, subject, "\(what): \(own.name) is down, so this path is dead",
                    next: "ip link set \(own.name) up, or check its cable")
            ]
        }
        let place = EndpointPlace(
            endpoint: endpoint, own: own, subject: subject, what: "\(what) on \(own.name)")
        let wrong = [vrf(place), packetSize(place)].compactMap { $0 }
        if wrong.contains(where: { $0.level == .problem }) { return wrong }
        return [routing(place)] + wrong + [sharing(place)].compactMap { $0 }
    }

    /// An endpoint with an address of this host's, and what is said of it.
    private struct EndpointPlace {
        let endpoint: MPTCPEndpoint
        let own: Interface
        let subject: String
        let what: String

        func finding(_ level: Finding.Level, _ text: String, next: String = "") -> Finding {
            Finding(level, subject, "\(what): \(text)", next: next)
        }

        /// What replaces the endpoint by one that is bound to its interface.
        var bind: String {
            let flags = endpoint.flags.subtracting(.implicit).words
            return "ip mptcp endpoint delete id \(endpoint.id); ip mptcp endpoint add"
                + " \(endpoint.address.host) dev \(own.name) id \(endpoint.id) \(flags)"
        }
    }

    private func addressless(
        _ endpoint: MPTCPEndpoint, _ subject: String, _ what: String
    ) -> Finding {
        // A server behind address translation announces an address that is not its own.
        let isOnlySignal = !endpoint.flags.contains(.subflow)
        return Finding(
            isOnlySignal ? .note : .problem, subject, "\(what): no interface has this address",
            next: isOnlySignal
                ? ""
                : "ip mptcp endpoint delete id \(endpoint.id), or give an interface the address")
    }

    // MARK: - VRFs

    /// The VRF that an interface is in.
    private func vrf(of own: Interface) -> Link? {
        guard let master = links.first(where: { $0.index == own.index })?.master else { return nil }
        return links.first { $0.index == master && $0.kind == "vrf" }
    }

    /// An address in a VRF is none for what is not bound into it (measured on Linux 7.2).
    private func vrf(_ place: EndpointPlace) -> Finding? {
        guard let vrf = vrf(of: place.own) else { return nil }
        if place.endpoint.flags.contains(.subflow), !isBound(place) {
            return place.finding(
                .problem,
                "\(place.own.name) is in the VRF \(vrf.name), and the endpoint is not bound to it: no"
                    + " subflow can start from this address", next: place.bind)
        }
        let accept = "net.ipv4.tcp_l3mdev_accept"
        guard place.endpoint.flags.contains(.signal), Sysctl.value(accept) == "0" else {
            return nil
        }
        return place.finding(
            .problem,
            "\(place.own.name) is in the VRF \(vrf.name): connections from there do not reach a listener"
                + " outside of it (\(accept) is 0)",
            next: "sysctl -w \(accept)=1, if all VRFs may reach listeners outside of them")
    }

    /// Whether subflows are bound to the endpoint's interface, or to the VRF that it is in.
    private func isBound(_ place: EndpointPlace) -> Bool {
        let bound = place.endpoint.interface
        return bound == place.own.index || (bound != 0 && bound == vrf(of: place.own)?.index)
    }

    // MARK: - Tunnels and packet sizes

    /// IPv4's least MTU that all hosts take (RFC 791: 576), IPv6's least (RFC 8200).
    private func packetSize(_ place: EndpointPlace) -> Finding? {
        guard let link = links.first(where: { $0.index == place.own.index }) else { return nil }
        let least: UInt32 = place.endpoint.address.family == .inet ? 576 : 1280
        if link.mtu < least {
            return place.finding(
                .problem,
                "its MTU is \(link.mtu), less than every path must have (\(least))",
                next: "ip link set \(link.name) mtu 1500, or what its network carries")
        }
        guard let (below, room) = carrier(of: link), link.mtu > room else { return nil }
        let way =
            link.kind == "vlan"
            ? "the VLAN is on \(below)" : "the tunnel's packets leave by \(below)"
        return place.finding(
            .problem,
            "its MTU is \(link.mtu), and \(way), which has room for \(room): full packets are cut or"
                + " lost", next: "ip link set \(link.name) mtu \(room)")
    }

    /// The interface that carries a tunnel's packets, and how large they may be.
    private func carrier(of link: Link) -> (name: String, room: UInt32)? {
        if link.kind == "vlan" {
            return links.first { $0.index == link.lower }.map { ($0.name, $0.mtu) }
        }
        guard let remote = link.tunnelRemote, let overhead = Self.overheads[link.kind],
            let route = try? Route(to: remote, from: nil, over: NetlinkSocket(NETLINK_ROUTE)),
            let below = links.first(where: { $0.index == route.interface }),
            below.index != link.index
        else { return nil }
        let header: UInt32 = remote.family == .inet ? 20 : 40
        guard below.mtu > header + overhead else { return nil }
        return (below.name, below.mtu - header - overhead)
    }

    /// Bytes that a kind of tunnel adds at least, between the outer and the inner IP header.
    private static let overheads: [String: UInt32] = [
        "ipip": 0, "sit": 0, "ip6tnl": 0, "gre": 4, "ip6gre": 4, "gretap": 18, "ip6gretap": 18,
        "vti": 0, "vti6": 0, "vxlan": 30, "geneve": 30,
    ]

    /// A tunnel is a path of its own only where its packets are not on another endpoint's link.
    private func sharing(_ place: EndpointPlace) -> Finding? {
        guard let link = links.first(where: { $0.index == place.own.index }),
            link.tunnelRemote != nil, let below = carrier(of: link)?.name,
            below
                == defaultInterface.map({ number in
                    links.first { $0.index == number }?.name ?? ""
                })
        else { return nil }
        return place.finding(
            .note,
            "the tunnel's packets leave by \(below), like the first path: it is not a separate way,"
                + " and fails together with it")
    }

    // MARK: - Routes

    /// Addresses reserved for documentation (RFC 5737, RFC 3849): nothing is sent there.
    private static let farAway = ["198.51.100.1", "2001:db8::1"].compactMap {
        SocketAddress(numeric: $0)
    }

    private static func route(
        to destination: SocketAddress, from source: SocketAddress?, boundTo interface: Int32? = nil
    ) throws(Errno) -> Route {
        try Route(
            to: destination, from: source, boundTo: interface, over: NetlinkSocket(NETLINK_ROUTE))
    }

    /// The interface that packets to far away leave by.
    var defaultInterface: Int32? {
        Self.farAway.lazy.compactMap { try? Self.route(to: $0, from: nil).interface }.first
    }

    /// Packets from the address have to leave by its interface, or they take the first path.
    private func routing(_ place: EndpointPlace) -> Finding {
        let own = place.own
        let address = place.endpoint.address
        guard let far = Self.farAway.first(where: { $0.family == address.family }) else {
            return place.finding(.ok, "its family has no routes here")
        }
        let bound = isBound(place)
        let route: Route?
        var reason = ""
        do throws(Errno) {
            route = try Self.route(to: far, from: address)
        } catch {
            route = nil
            reason = error.name
        }
        // Subflows from it are bound to its interface, whose routes alone count then.
        let leaves =
            bound
            ? (try? Self.route(to: far, from: address, boundTo: place.endpoint.interface)) != nil
            : route?.interface == own.index
        // What comes back comes by its own link. There is no such filter for IPv6, and in a VRF the
        // VRF's routes count.
        let strict =
            address.family == .inet && route != nil && route?.interface != own.index
            && vrf(of: own) == nil && strictFilter(own.name)
        if leaves {
            guard strict, let route else {
                return place.finding(.ok, "packets from it leave by \(own.name)")
            }
            return place.finding(
                .problem,
                "rp_filter drops what comes back by \(own.name), because the first route is by"
                    + " \(name(route.interface))",
                next: "sysctl -w net.ipv4.conf.\(own.name).rp_filter=2")
        }
        guard let route, vrf(of: own) == nil else {
            let why = reason.isEmpty ? "" : " (\(reason))"
            return place.finding(
                tables(place).isEmpty ? .note : .problem,
                "it has no route beyond its own link\(why)"
                    + lack(place, bound: bound), next: remedy(place, bound: bound))
        }
        let other = name(route.interface)
        if bound {
            return place.finding(
                .problem,
                "there is no default route by \(own.name), only by \(other)"
                    + lack(place, bound: true), next: remedy(place, bound: true))
        }
        return place.finding(
            .problem,
            "packets from it to other networks leave by \(other)"
                + (strict ? ", and rp_filter drops what comes back" : ""),
            next: remedy(place, bound: false))
    }

    private func name(_ interface: Int32) -> String {
        interfaces.first { $0.index == interface }?.name ?? "another interface"
    }

    /// Tables with a default route by the endpoint's interface that nothing leads to.
    private func tables(_ place: EndpointPlace) -> [UInt32] {
        let family = place.endpoint.address.family
        guard let all = try? DefaultRoute.all(family, over: NetlinkSocket(NETLINK_ROUTE)) else {
            return []
        }
        let main: UInt32 = 254
        return all.filter { $0.interface == place.own.index && $0.table != main }.map(\.table)
    }

    /// What a rule that leads to such a table lacks.
    private func lack(_ place: EndpointPlace, bound: Bool) -> String {
        guard let table = tables(place).first, vrf(of: place.own) == nil else { return "" }
        let own = place.own.name
        return bound
            ? "; table \(table) has one, but no rule sends what is bound to \(own) there: it lacks"
                + " `oif \(own)`"
            : "; table \(table) has one, but no rule sends packets from this address there"
    }

    private func remedy(_ place: EndpointPlace, bound: Bool) -> String {
        let own = place.own.name
        let ip = place.endpoint.address.family == .inet ? "ip" : "ip -6"
        if let vrf = vrf(of: place.own) {
            return "\(ip) route add default via GATEWAY dev \(own) vrf \(vrf.name)"
        }
        if let table = tables(place).first {
            return "\(ip) rule add "
                + (bound ? "oif \(own)" : "from \(place.endpoint.address.host)") + " table \(table)"
        }
        let table = 100 + Int(place.endpoint.id)
        return "\(ip) rule add from \(place.endpoint.address.host) table \(table);"
            + " \(ip) route add default via GATEWAY dev \(own) table \(table)"
    }

    /// Reverse path filtering as it acts: the greater of "all" and the interface's own, of which
    /// 1 is strict and 2 is loose.
    private func strictFilter(_ name: String) -> Bool {
        // "." in an interface's name is "/" in a sysctl's; as a path it needs no change.
        let values = ["all", name].map { place in
            (try? lines(ofFile: "/proc/sys/net/ipv4/conf/\(place)/rp_filter"))?.first
                .flatMap { Int($0) } ?? 0
        }
        return values.max() == 1
    }
}

extension Interface {
    func hasAddress(_ address: SocketAddress) -> Bool {
        addresses.contains {
            $0.family == address.family && $0.networkBytes == address.networkBytes
        }
    }
}
