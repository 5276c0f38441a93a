import CLinux
import Glibc
import LinuxSystem
import Netlink
import SocketInspection
import SocketValues

/// Whether connections of this network namespace get a second path: endpoints, limits, routes, and
/// other influences.
struct PathChecks {
    private let interfaces: [Interface]
    /// Interfaces that a path can go through.
    private let usable: [Interface]
    private let networkManager: NetworkManager
    private let endpointChecks: EndpointChecks
    private let daemon: PathDaemonChecks
    private let isTrying: Bool

    init(by means: HostChecks.Means) {
        isTrying = means == .trying
        networkManager = NetworkManager(isAsked: isTrying)
        interfaces = Interface.all()
        usable = interfaces.filter {
            !$0.isLoopback && $0.isRunning && !$0.addresses.isEmpty && !$0.isInternalBridge
        }
        let links = (try? Link.all(over: NetlinkSocket(NETLINK_ROUTE))) ?? []
        endpointChecks = EndpointChecks(interfaces: interfaces, links: links)
        daemon = .present
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
            let daemon = daemon.daemon != nil
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
        let announcing = LoadBalancerChecks.findings(
            value: Sysctl.value("net.mptcp.allow_join_initial_addr_port"), endpoints: endpoints,
            addresses: usable.flatMap { interface in
                interface.addresses.prefix(1).map { ($0.host, interface.name) }
            }, counters: MPTCPCounters())
        let configured =
            endpoints.isEmpty ? [unconfigured] : endpoints.flatMap(endpointChecks.findings)
        let (managed, maker) = made(endpoints)
        return configured + announced(endpoints) + [maker].compactMap { $0 }
            + daemon.findings(managed: managed)
            + announcing + limits(management)
    }

    /// What becomes of the addresses that peers announce.
    private func announced(_ endpoints: [MPTCPEndpoint]) -> [Finding] {
        guard isTrying, endpoints.contains(where: { $0.flags.contains(.subflow) }) else {
            return []
        }
        return AnnouncedPaths.present.findings(
            endpoints,
            interface: { endpoint in
                interfaces.first { $0.index == endpoint.interface }?.name
            }, canBeLaminar: AnnouncedPaths.canBeLaminar)
    }

    /// Who sees to the endpoints, so that nobody else need.
    private func made(_ endpoints: [MPTCPEndpoint]) -> (interfaces: [String], Finding?) {
        let managed = interfaces.compactMap { interface in
            networkManager.connection(of: interface)?.flags.endpoint.map { _ in interface.name }
        }
        let names = interfaces.compactMap { interface -> String? in
            let maker = endpoints.lazy.compactMap {
                networkManager.maker(of: $0, on: interface)
            }.first
            return maker.map { "\(interface.name) (connection “\($0.name)”)" }
        }
        guard !names.isEmpty else { return (managed, nil) }
        return (
            managed,
            Finding(
                .ok, "NetworkManager",
                "makes the endpoints of \(names.joined(separator: ", ")): connection.mptcp-flags")
        )
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
        let first = endpointChecks.defaultInterface ?? usable.first?.index
        let others = usable.filter { $0.index != first }
        let reasons = others.compactMap { interface in
            networkManager.connection(of: interface).map { connection in
                "; NetworkManager makes none for \(interface.name): "
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

    // MARK: - Limits

    private func limits(_ management: PathManagement) -> [Finding] {
        let limits = management.limits
        let wanted = management.endpoints.count { $0.flags.contains(.subflow) }
        // Peers open the paths to what is announced, and the limit holds for these too.
        let announced = management.endpoints.count { $0.flags.contains(.signal) }
        let text =
            "\(limits.subflows) additional subflows a connection,"
            + " \(limits.acceptedAddresses) of a peer's addresses accepted"
        if limits.subflows == 0 {
            return [
                Finding(
                    wanted + announced > 0 ? .problem : .note, "limits",
                    "\(text): no connection gets a second path",
                    next: "ip mptcp limits set subflows \(max(2, min(wanted, 8)))"
                        + " add_addr_accepted 2")
            ]
        }
        if wanted > limits.subflows {
            return [
                Finding(
                    .note, "limits", "\(text), but there are \(wanted) endpoints for subflows",
                    next: "ip mptcp limits set subflows \(min(wanted, 8))")
            ]
        }
        if limits.acceptedAddresses == 0 {
            return [
                Finding(
                    .note, "limits",
                    "\(text): no subflows to a server's other addresses",
                    next: "ip mptcp limits set add_addr_accepted 2, on clients")
            ]
        }
        return [Finding(.ok, "limits", text)]
    }
}
