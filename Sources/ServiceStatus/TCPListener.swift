import CLinux
import ConnectionPolicy
import Glibc
import LinuxSystem
import Processes
import SocketPolicy
import SystemdUnits

/// A plain TCP listener of a unit's process.
package struct TCPListener: Sendable, Equatable {
    package let port: UInt16
    package let inode: UInt32
    /// What it is bound to.
    package var address = ""
    package var reason = Reason.unknown(otherLibraries: [])

    /// Why it is TCP, although its process was reached.
    package enum Reason: Sendable, Equatable {
        /// An option that MPTCP sockets do not take, and for which the library made it TCP.
        case option(String)
        /// net.mptcp.enabled is 0 in the network namespace of a process.
        case mptcpOff(pid: Int32?)
        /// A rule keeps it TCP: where that was written.
        case policy(PolicyOrigin)
        /// Made before the cgroup was attached, or by io_uring.
        case besideKernel
        /// Nothing shows it; libraries that are preloaded too may have taken its socket().
        case unknown(otherLibraries: [String])

        /// Whether somebody wanted it to be TCP.
        package var isMeant: Bool { if case .policy = self { true } else { false } }

        package var inWords: String {
            switch self {
            case .option(let name): "\(name) made it TCP"
            case .policy(let origin): "policy (\(origin.text))"
            case .mptcpOff: "net.mptcp.enabled is 0 in its network namespace"
            case .besideKernel:
                "it was made before the cgroup was attached, or by io_uring"
            case .unknown(let libraries) where libraries.isEmpty:
                "it was handed over by another process, made without the C library's socket(), or an "
                    + "option that MPTCP refuses made it TCP"
            case .unknown(let libraries):
                "its socket() may have gone past the preload library, through "
                    + libraries.joined(separator: ", ") + ", which LD_PRELOAD names too"
            }
        }

        package func remedy(_ unit: UnitName) -> String {
            switch self {
            case .option(let name): "leave \(name) out of its settings if MPTCP matters more"
            case .policy: ""
            case .mptcpOff(nil): "`sysctl -w net.mptcp.enabled=1`"
            case .mptcpOff(let pid?):
                "`nsenter --net --target \(pid) sysctl -w net.mptcp.enabled=1`"
            case .besideKernel: "`systemctl restart \(unit.typed)`"
            case .unknown:
                "`mptcpize enable --mode bpf \(unit.typed)` reaches it (Linux 6.6 or newer)"
            }
        }
    }

    /// Which option made a listener TCP: one that the library answers by making a socket TCP,
    /// and that has another value than on a fresh socket. The kernel is asked through a copy of
    /// the descriptor.
    ///
    /// - Returns: nil where no option tells, or the process may not be asked.
    package func option(in pid: Int32) -> String? {
        for holder in SocketOwners.holders(of: [UInt64(inode)], in: [pid]) {
            guard let own = try? BorrowedSocket(of: pid, holder.fd, UInt64(inode)),
                let family = Self.value(SOL_SOCKET, SO_DOMAIN, of: own.descriptor.number),
                let fresh = Self.freshSocket(family)
            else { continue }
            var count = 0
            let table = UnsafeBufferPointer(start: mptcpize_option_table(&count), count: count)
            let found = table.first { line in
                guard line.remedy == UInt8(MPTCPIZE_DEMOTE.rawValue), !line.is_bytes,
                    let value = Self.value(line.level, line.number, of: own.descriptor.number)
                else { return false }
                return value != Self.value(line.level, line.number, of: fresh.number)
            }
            if let found {
                return withUnsafePointer(to: found) { String(cString: mptcpize_option_label($0)) }
            }
        }
        return nil
    }

    private static func freshSocket(_ family: Int32) -> Descriptor? {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let number = socket(family, type, Int32(IPPROTO_TCP))
        return number < 0 ? nil : Descriptor(owning: number)
    }

    private static func value(_ level: Int32, _ name: Int32, of socket: Int32) -> Int32? {
        var value: Int32 = 0
        var length = UInt32(MemoryLayout<Int32>.size)
        return clinux_getsockopt(socket, level, name, &value, &length) < 0 ? nil : value
    }
}
