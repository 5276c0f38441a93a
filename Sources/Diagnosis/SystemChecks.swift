import BPFMode
import Glibc
import LinuxSystem
import Processes
import SocketInspection
import SystemdUnits

/// What else of the system matters: services' namespaces, security modules, systemd, and whether
/// the BPF mode can work.
enum SystemChecks {
    static func findings(by means: HostChecks.Means) -> [Finding] {
        let seen = serviceNamespaces() + [security].compactMap { $0 }
        return means == .looking ? seen : seen + [systemd, bpf].compactMap { $0 }
    }

    /// Services with a network namespace of their own have a net.mptcp.enabled of their own.
    private static func serviceNamespaces() -> [Finding] {
        guard geteuid() == 0, let all = try? NetworkNamespace.all() else { return [] }
        var findings: [Finding] = []
        for namespace in all.dropFirst() {
            guard let label = namespace.label,
                let unit = Int32(label).flatMap({ serviceUnit(of: $0) }) ?? namespace.anyService()
            else { continue }
            let value = try? namespace.enter { () throws(Failure) in
                Sysctl.value("net.mptcp.enabled")
            }
            if let value, value != "1" {
                findings.append(
                    Finding(
                        .problem, unit,
                        "net.mptcp.enabled is \(value) in its own network namespace (\(label))",
                        next: Int32(label) == nil
                            ? "ip netns exec \(label) sysctl -w net.mptcp.enabled=1"
                            : "nsenter --net --target \(label) sysctl -w net.mptcp.enabled=1"))
            }
        }
        return findings
    }

    /// "nginx.service" of a process's cgroup.
    static func serviceUnit(of pid: Int32) -> String? {
        SocketSelection.cgroupPath(of: pid).split(separator: "/")
            .last { $0.hasSuffix(".service") }.map(String.init)
    }

    private static var security: Finding? {
        security(
            modules: (try? lines(ofFile: "/sys/kernel/security/lsm"))?.first ?? "",
            enforce: (try? lines(ofFile: "/sys/fs/selinux/enforce"))?.first)
    }

    /// - Parameters:
    ///   - modules: the kernel's list of active security modules, separated by commas.
    ///   - enforce: "1" where SELinux does not just log; nil without SELinux.
    static func security(modules: String, enforce: String?) -> Finding? {
        let strict = modules.split(separator: ",")
            .filter { ["selinux", "apparmor", "smack", "tomoyo"].contains($0) }
        guard !strict.isEmpty else { return nil }
        let names = strict.map {
            $0 == "selinux" && enforce == "1" ? "selinux (enforcing)" : "\($0)"
        }
        return Finding(
            .note, "security modules",
            "\(names.joined(separator: ", ")): a policy may refuse a program its MPTCP sockets,"
                + " which then stay TCP",
            next: "`ausearch -m avc` and dmesg tell what was refused")
    }

    private static var systemd: Finding? {
        guard access("/run/systemd/system/", F_OK) == 0 else {
            return Finding(
                .note, "systemd", "does not run here: `mptcpize run` starts programs one by one")
        }
        let settings = ["LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"]
        let version =
            (try? Subprocess.run(["systemctl", "--version"], settings: settings))?.output
            .split(separator: "\n").first.map(String.init) ?? "systemd"
        switch SocketPlan.probeSupport() {
        case true?: return Finding(.ok, "systemd", "\(version): knows SocketProtocol=mptcp")
        case false?:
            return Finding(
                .note, "systemd",
                "\(version): opens plain TCP only for .socket units (SocketProtocol=mptcp came"
                    + " with 257)")
        case nil: return Finding(.note, "systemd", "\(version): systemd-analyze could not be asked")
        }
    }

    private static var bpf: Finding? {
        do throws(Failure) {
            try BPFSession.open().probe()
            return Finding(.ok, "BPF mode", "can be loaded here (tried, then removed)")
        } catch {
            return Finding(.note, error)
        }
    }
}

extension NetworkNamespace {
    /// A service that has a process in this namespace.
    func anyService() -> String? {
        for pid in processNumbers() where contains(pid) {
            if let unit = SystemChecks.serviceUnit(of: pid) { return unit }
        }
        return nil
    }

    /// Whether a process is in this namespace.
    private func contains(_ pid: Int32) -> Bool {
        (try? NetworkNamespace.named("\(pid)"))?.isSame(as: self) ?? false
    }
}
