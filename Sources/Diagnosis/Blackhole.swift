import CLinux
import Glibc
import LinuxSystem
import SocketInspection

/// The kernel's off-switch: after SYNs with MP_CAPABLE were dropped on the way and others were not,
/// no connection of the network namespace asks for MPTCP for a while
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
}
