import Glibc
import LinuxSystem

/// mptcpd(8), which manages paths from user space: whether it is allowed to, and whether another
/// path manager works against it.
struct PathDaemonChecks {
    /// What is to be known of its process.
    struct Daemon: Equatable {
        var pid: Int32
        /// Of /proc/PID/status, CapEff; nil where that cannot be read.
        var capabilities: UInt64?
        /// Lines of the audit log in which it was refused net_admin.
        var denials = 0
    }

    /// Nil where none runs.
    let daemon: Daemon?
    /// Whether SELinux refuses, and does not just log.
    let isEnforcing: Bool

    static var present: PathDaemonChecks {
        let name = "mptcpd"
        let pid = processNumbers().first {
            (try? lines(ofFile: "/proc/\($0)/comm"))?.first == name
        }
        let isEnforcing = (try? lines(ofFile: "/sys/fs/selinux/enforce"))?.first == "1"
        return PathDaemonChecks(
            daemon: pid.map {
                Daemon(
                    pid: $0, capabilities: capabilities(of: $0),
                    denials: isEnforcing ? Self.denials(of: name) : 0)
            }, isEnforcing: isEnforcing)
    }

    /// - Parameter managed: interfaces of which NetworkManager makes endpoints.
    func findings(managed: [String]) -> [Finding] {
        guard let daemon else { return [] }
        var findings = [rights(daemon)].compactMap { $0 }
        if !managed.isEmpty {
            findings.append(
                Finding(
                    .note, "mptcpd",
                    "runs (\(daemon.pid)), and NetworkManager makes the endpoints of"
                        + " \(managed.joined(separator: ", ")) too: each may remove what the"
                        + " other made",
                    next: "systemctl disable --now mptcp, or keep it and leave them to it: nmcli"
                        + " connection modify CONNECTION connection.mptcp-flags disabled"))
        }
        return findings
    }

    private func rights(_ daemon: Daemon) -> Finding? {
        let netAdmin: UInt64 = 1 << 12  // CAP_NET_ADMIN
        if let capabilities = daemon.capabilities, capabilities & netAdmin == 0 {
            return Finding(
                .problem, "mptcpd",
                "runs (\(daemon.pid)) without CAP_NET_ADMIN: the kernel accepts no endpoint from it",
                next: "systemctl edit mptcp: [Service], AmbientCapabilities=CAP_NET_ADMIN and"
                    + " CapabilityBoundingSet=CAP_NET_ADMIN; systemctl restart mptcp")
        }
        guard isEnforcing, daemon.denials > 0 else { return nil }
        return Finding(
            .problem, "mptcpd",
            "runs (\(daemon.pid)), and SELinux has refused it net_admin \(daemon.denials) times"
                + " (audit log)",
            next: "ausearch -m avc -c mptcpd --raw | audit2allow -M mptcpd-net-admin; semodule -i"
                + " mptcpd-net-admin.pp; systemctl restart mptcp")
    }

    /// - Returns: nil where it cannot be read.
    static func capabilities(of pid: Int32) -> UInt64? {
        let prefix = "CapEff:"
        return (try? lines(ofFile: "/proc/\(pid)/status"))?
            .first { $0.hasPrefix(prefix) }
            .flatMap { line in
                UInt64(line.dropFirst(prefix.count).drop { $0 == "\t" || $0 == " " }, radix: 16)
            }
    }

    /// In the newest part of auditd's log, which can be of any size.
    private static func denials(of program: String) -> Int {
        let newest: off_t = 4 << 20
        guard let file = try? Descriptor.open("/var/log/audit/audit.log", O_RDONLY) else {
            return 0
        }
        let number = file.number
        var status = stat()
        guard fstat(number, &status) == 0 else { return 0 }
        lseek(number, max(0, status.st_size - newest), SEEK_SET)
        guard let bytes = try? file.readAll(limit: 2 * Int(newest)) else { return 0 }
        return denials(of: program, in: String(decoding: bytes, as: UTF8.self))
    }

    static func denials(of program: String, in log: String) -> Int {
        log.split(separator: "\n").count { line in
            line.contains("avc:") && line.contains("denied") && line.contains("net_admin")
                && line.contains("comm=\"\(program)\"")
        }
    }
}
