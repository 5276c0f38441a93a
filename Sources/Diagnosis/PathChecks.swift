import CLinux
import Glibc
import LinuxSystem
import Netlink
import SocketValues

/// Whether connections of this network namespace get a second path: endpoints, limits,
/// routes, and what else takes a hand in it.
struct PathChecks {
    private let interfaces: [Interface]
    /// Interfaces that a path can go through.
    private let usable: [Interface]
    private let networkManager: NetworkManager

    init(by means: HostChecks.Means) {
        networkManager = NetworkManager(isAsked: means == .trying)
        interfaces = Interface.all()
        usable = interfaces.filter {
            !$0.isLoopback && $0.isRunning && !$0.addresses.isEmpty && !$0.isInternalBridge
        }
    }

    func findings() -> [Finding] {
        var findings = [manager, scheduler].compactMap { $0 }
        do throws(Errno) {
            let management = try PathManagement(over: NetlinkSocket(NETLINK_GENERIC))
            findings += configured(management)
        } catch {
            // A kernel without MPTCP was named before.
            if error.rawValue != ENOENT {
                findings.append(
                    Finding(
                        .note, "endpoints", "cannot be read: \(error.reason)", next: "try as root"))
            }
        }
        return findings
    }

    // MARK: - Path manager and scheduler

    private var manager: Finding? {
        // Linux 6.16 has the name; before, pm_type 0 is the kernel's and 1 userspace's.
        let name =
            Sysctl.value("net.mptcp.path_manager")
            ?? Sysctl.value("net.mptcp.pm_type").map { $0 == "0" ? "kernel" : "userspace" }
        switch name {
        case nil: return nil
        case "kernel":
            return Finding(
                .ok, "path manager", "kernel: it makes subflows from the endpoints below")
        case let name?:
            let daemon = processNumbers().contains { pid in
                (try? lines(ofFile: "/proc/\(pid)/comm"))?.first == "mptcpd"
            }
            return Finding(
                daemon ? .note : .problem, "path manager",
                "\(name): the kernel makes no subflows by itself"
                    + (daemon ? "; mptcpd runs and decides" : ", and mptcpd does not run"),
                next: daemon
                    ? "" : "sysctl -w net.mptcp.pm_type=0, or `systemctl start mptcp` (mptcpd)")
        }
    }

    private var scheduler: Finding? {
        Sysctl.value("net.mptcp.scheduler").map {
            Finding(.ok, "scheduler", "\($0) (net.mptcp.scheduler)")
        }
    }

    // MARK: - Endpoints

    private func configured(_ management: PathManagement) -> [Finding] {
        let endpoints = management.endpoints.filter { !$0.flags.contains(.implicit) }
        guard !endpoints.isEmpty else { return [unconfigured] + limits(management) }
        return endpoints.map(finding) + [made(endpoints)].compactMap { $0 } + limits(management)
    }

    /// Who sees to the endpoints, so that nobody else need.
    private func made(_ endpoints: [MPTCPEndpoint]) -> Finding? {
        let names = interfaces.compactMap { interface -> String? in
            let maker = endpoints.lazy.compactMap {
                networkManager.maker(of: $0, on: interface)
            }.first
            return maker.map { "\(interface.name) (connection “\($0.name)”)" }
        }
        guard !names.isEmpty else { return nil }
        return Finding(
            .ok, "NetworkManager",
            "makes the endpoints of \(names.joined(separator: ", ")): connection.mptcp-flags")
    }

    /// What to do where there is no endpoint.
    private var unconfigured: Finding {
        let subject = "endpoints"
        let names = usable.map(\.name).joined(separator: ", ")
        guard usable.count > 1 else {
            return Finding(
                .note, subject,
                usable.isEmpty
                    ? "none, and no interface is up with an address"
                    : "none, and only one interface (\(names)): connections have one path unless"
                        + " the peer offers more")
        }
        let others = usable.filter { $0.index != defaultInterface }
        let reasons = others.compactMap { interface in
            networkManager.connection(of: interface).map { connection in
                "; NetworkManager makes none of \(interface.name): "
                    + (connection.flags.endpoint == nil
                        ? "MPTCP is off in connection “\(connection.name)”"
                        : "connection “\(connection.name)” has no default route, or came up when"
                            + " MPTCP was off")
            }
        }
        return Finding(
            .problem, subject,
            "none, with several interfaces (\(names)): connections use one path only"
                + reasons.joined(),
            next: others.compactMap(endpointCommand).joined(separator: "; "))
    }

    private func endpointCommand(_ interface: Interface) -> String? {
        // One made by ip(8) would go when NetworkManager applies its connection again.
        if let connection = networkManager.connection(of: interface) {
            return "nmcli connection modify \(connection.uuid) connection.mptcp-flags"
                + " subflow,also-without-default-route; nmcli device reapply \(interface.name)"
        }
        return interface.addresses.first.map {
            "ip mptcp endpoint add \($0.host) dev \(interface.name) subflow"
        }
    }

    /// The interface that packets to far away leave by.
    private var defaultInterface: Int32? {
        for far in Self.farAway {
            if let route = try? Self.route(to: far, from: nil) { return route.interface }
        }
        return usable.first?.index
    }

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

    private func finding(_ endpoint: MPTCPEndpoint) -> Finding {
        let subject = "endpoint \(endpoint.id)"
        let what = "\(endpoint.address.host) \(endpoint.flags.words)"
        guard let own = interfaces.first(where: { $0.hasAddress(endpoint.address) }) else {
            // A server behind address translation announces an address that is not its own.
            let isOnlySignal = !endpoint.flags.contains(.subflow)
            return Finding(
                isOnlySignal ? .note : .problem, subject, "\(what): no interface has this address",
                next: isOnlySignal
                    ? ""
                    : "ip mptcp endpoint delete id \(endpoint.id), or give an interface the address"
            )
        }
        guard own.isRunning else {
            return Finding(
                .problem, subject, "\(what): \(own.name) is down, so this path is dead",
                next: "ip link set \(own.name) up, or see to its cable")
        }
        return routing(endpoint, own, subject, "\(what) on \(own.name)")
    }

    /// Packets from the address have to leave by its interface, or they take the first path.
    private func routing(
        _ endpoint: MPTCPEndpoint, _ own: Interface, _ subject: String, _ what: String
    ) -> Finding {
        guard let far = Self.farAway.first(where: { $0.family == endpoint.address.family }) else {
            return Finding(.ok, subject, what)
        }
        let good = Finding(.ok, subject, "\(what): packets from it leave by \(own.name)")
        do throws(Errno) {
            let route = try Self.route(to: far, from: endpoint.address)
            if route.interface == own.index { return good }
            let other =
                interfaces.first { $0.index == route.interface }?.name ?? "another interface"
            // What comes back comes by its own link. There is no such filter for IPv6.
            let strict = endpoint.address.family == .inet && strictFilter(own.name)
            guard endpoint.interface == own.index else {
                return Finding(
                    .problem, subject,
                    "\(what): packets from it to far away leave by \(other)"
                        + (strict ? ", and rp_filter drops what comes back" : ""),
                    next: Self.routeCommands(endpoint, own))
            }
            // Subflows from it are bound to its interface, whose routes alone count then.
            guard (try? Self.route(to: far, from: endpoint.address, boundTo: own.index)) != nil
            else {
                return Finding(
                    .problem, subject,
                    "\(what): there is no route to far away by \(own.name), only by \(other)",
                    next: Self.routeCommands(endpoint, own))
            }
            if !strict { return good }
            return Finding(
                .problem, subject,
                "\(what): rp_filter drops what comes back by \(own.name), since the first route"
                    + " is by \(other)",
                next: "sysctl -w net.ipv4.conf.\(own.name).rp_filter=2")
        } catch {
            return Finding(
                .note, subject,
                "\(what): there is no route from it to far away (\(error.name)); it reaches its"
                    + " own link",
                next: Self.routeCommands(endpoint, own))
        }
    }

    private static func routeCommands(_ endpoint: MPTCPEndpoint, _ own: Interface) -> String {
        let ip = endpoint.address.family == .inet ? "ip" : "ip -6"
        let table = 100 + Int(endpoint.id)
        return "\(ip) rule add from \(endpoint.address.host) table \(table);"
            + " \(ip) route add default via GATEWAY dev \(own.name) table \(table)"
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

    // MARK: - Limits

    private func limits(_ management: PathManagement) -> [Finding] {
        let limits = management.limits
        let wanted = management.endpoints.count { $0.flags.contains(.subflow) }
        let text =
            "\(limits.subflows) additional subflows a connection,"
            + " \(limits.acceptedAddresses) of a peer's addresses accepted"
        if limits.subflows == 0 {
            return [
                Finding(
                    wanted > 0 ? .problem : .note, "limits",
                    "\(text): no connection gets a second path",
                    next: "ip mptcp limits set subflows \(max(2, min(wanted, 8)))"
                        + " add_addr_accepted 2")
            ]
        }
        if wanted > limits.subflows {
            return [
                Finding(
                    .note, "limits", "\(text), and \(wanted) endpoints want one",
                    next: "ip mptcp limits set subflows \(min(wanted, 8))")
            ]
        }
        if limits.acceptedAddresses == 0 {
            return [
                Finding(
                    .note, "limits",
                    "\(text): a server's other addresses are not connected to",
                    next: "ip mptcp limits set add_addr_accepted 2, on clients")
            ]
        }
        return [Finding(.ok, "limits", text)]
    }
}

extension Interface {
    func hasAddress(_ address: SocketAddress) -> Bool {
        addresses.contains {
            $0.family == address.family && $0.networkBytes == address.networkBytes
        }
    }
}
