import CLinux
import Glibc
import LinuxSystem
import SocketInspection
import TextOutput

/// The kernel's off-switch: if SYNs with MP_CAPABLE were dropped on the way and others were not, no
/// connection of the network namespace asks for MPTCP for a while
/// (mptcp_active_detect_blackhole in net/mptcp/ctrl.c, Linux 6.12).
package enum Blackhole {
    /// Whether it is off now. Nil where the kernel cannot tell.
    ///
    /// Nothing shows it but a connection that is tried: here one to an address that there is no
    /// way to, so that no packet leaves. It counts as one that asked for MPTCP (MPCapableSYNTX), and
    /// is made only in a namespace in which a blackhole was found before.
    ///
    /// - Parameter counters: as they are now.
    package static func isActive(_ counters: MPTCPCounters) -> Bool? {
        guard counters.all.contains(where: { $0.name == detected }) else { return nil }
        guard counters[detected] > 0 else { return false }
        guard let socket = try? MPTCPTrial.socket(AF_INET, flags: Int32(SOCK_NONBLOCK.rawValue))
        else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(9).bigEndian
        // The limited broadcast address: ENETUNREACH or EACCES for TCP, before any SYN.
        address.sin_addr.s_addr = .max
        _ = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket.number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return MPTCPCounters()[kept] > counters[kept]
    }

    private static let detected = "Blackhole"
    /// Connections that did not ask, because of it.
    private static let kept = "MPCapableSYNTXDisabled"

    /// What is told of it.
    static func findings(isActive: Bool, _ counters: MPTCPCounters) -> [Finding] {
        guard let timeout = Sysctl.value("net.mptcp.blackhole_timeout") else { return [] }
        let seen = counters[detected]
        let evidence = "MPTCP SYNs were dropped on the way, others not (counter Blackhole: \(seen))"
        if isActive {
            // Any write to it forgets what was detected.
            return [
                Finding(
                    .problem, subject,
                    "outgoing MPTCP is off in this network namespace"
                        + end(timeout: timeout, detections: seen) + ", because \(evidence)",
                    next: "sysctl -w net.mptcp.blackhole_timeout=\(timeout) switches it on again;"
                        + " find who drops SYNs with TCP option 30")
            ]
        }
        if seen > 0 {
            return [
                Finding(
                    .note, subject, "\(evidence); outgoing MPTCP is on now",
                    next: "find who drops SYNs with TCP option 30, or it will be off again")
            ]
        }
        return [Finding(.ok, subject, "none detected (counter Blackhole is 0)")]
    }

    private static let subject = "blackhole"

    /// When it ends at the latest: the kernel does not tell when the period began, which was before
    /// now; and it doubles the time with each detection in a row, of which there were no more than
    /// there were in all, up to 64 times (mptcp_active_should_disable).
    private static func end(timeout: String, detections: UInt64) -> String {
        guard let timeout = Int64(timeout), timeout > 0 else { return "" }
        let longest = timeout << Int64(min(max(detections, 1) - 1, 6))
        let period = longest == timeout ? "\(timeout) s" : "\(timeout) to \(longest) s"
        let latest = Int64(time(nil)) + longest
        return
            " for \(period) after that was found, until \(localTime(UInt64(max(latest, 0)))) at the latest"
    }
}
