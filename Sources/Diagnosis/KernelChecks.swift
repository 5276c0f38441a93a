import Glibc
import LinuxSystem
import SocketInspection
import SocketValues

/// Whether MPTCP exists and works in this network namespace.
enum KernelChecks {
    static func findings(by means: HostChecks.Means) -> [Finding] {
        if means == .looking { return looked() }
        let before = MPTCPCounters()
        let trials = [
            ("IPv4", MPTCPTrial(family: AF_INET)), ("IPv6", MPTCPTrial(family: AF_INET6)),
        ]
        let after = MPTCPCounters()
        let isOff = after["MPCapableSYNTXDisabled"] > before["MPCapableSYNTXDisabled"]
        var findings = trials.map { kernel($0.0, $0.1, isOff: isOff) }
        if let switched = enabled { findings.append(switched) }
        findings.append(contentsOf: Blackhole.findings(isActive: isOff, after))
        return findings
    }

    private static func looked() -> [Finding] {
        let counters = MPTCPCounters()
        let isOff = Blackhole.isActive(counters) == true
        let trials = [("IPv4", AF_INET), ("IPv6", AF_INET6)].map { name, family in
            do throws(Errno) {
                _ = try MPTCPTrial.socket(family)
                return (name, nil as MPTCPTrial?)
            } catch {
                return (name, .refused(error))
            }
        }
        var findings = trials.map { name, refused in
            refused.map { kernel(name, $0, isOff: isOff) }
                ?? Finding(.ok, "kernel", "\(release): makes MPTCP sockets for \(name)")
        }
        if let switched = enabled { findings.append(switched) }
        return findings + Blackhole.findings(isActive: isOff, counters)
    }

    /// "Linux 6.18.44".
    private static var release: String {
        var names = utsname()
        uname(&names)
        return withUnsafeBytes(of: names.release) {
            "Linux " + String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private static func kernel(
        _ family: String, _ trial: MPTCPTrial, isOff: Bool
    ) -> Finding {
        let subject = "kernel"
        switch trial {
        case .works:
            return Finding(
                .ok, subject, "\(release): MPTCP over \(family) works (tried over loopback)")
        case .fellBack where isOff:
            return Finding(
                .note, subject, "\(release): makes MPTCP sockets for \(family); see blackhole")
        case .fellBack:
            return Finding(
                .problem, subject,
                "\(release): an MPTCP connection over \(family) loopback fell back to TCP",
                next: "`nft list ruleset` shows whether a firewall strips TCP options")
        case .refused(let error):
            let isIPv6 = family == "IPv6"
            // Without IPv6 at all, nothing is missing for MPTCP.
            let isAbsent = error.rawValue == EAFNOSUPPORT
            return Finding(
                isAbsent || (isIPv6 && error.rawValue == EPROTONOSUPPORT) ? .note : .problem,
                subject,
                "\(release): no MPTCP over \(family) (\(error.name)): "
                    + error.ofMultipathTCP(isIPv6 ? .inet6 : .inet),
                next: remedy(error))
        case .noConnection(let error):
            let isIPv6Off =
                family == "IPv6" && [EADDRNOTAVAIL, ENETUNREACH].contains(error.rawValue)
            return Finding(
                .note, subject,
                "\(release): makes MPTCP sockets for \(family); a connection over loopback"
                    + " was not possible (\(error.name))",
                next: isIPv6Off ? "" : "`ip link set lo up`, if loopback is down")
        }
    }

    private static func remedy(_ error: Errno) -> String {
        switch error.rawValue {
        case ENOPROTOOPT: "sysctl -w net.mptcp.enabled=1"
        case EPROTONOSUPPORT: "use a kernel with CONFIG_MPTCP (and CONFIG_MPTCP_IPV6)"
        case EINVAL: "use Linux 5.6 or newer; 6.1 or newer for most programs"
        case EPERM, EACCES: "dmesg, the audit log or seccomp settings show what refused it"
        default: ""
        }
    }

    private static var enabled: Finding? {
        switch Sysctl.value("net.mptcp.enabled") {
        case "1": Finding(.ok, "net.mptcp.enabled", "1 in this network namespace")
        case let value?:
            Finding(
                .problem, "net.mptcp.enabled",
                "\(value) in this network namespace: every MPTCP socket is refused",
                next: "sysctl -w net.mptcp.enabled=1; for good, in /etc/sysctl.d/mptcp.conf")
        case nil: nil
        }
    }
}
