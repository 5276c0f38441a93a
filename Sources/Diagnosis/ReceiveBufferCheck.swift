import BPFMode
import CLinux
import Glibc
import KernelProbe
import LinuxSystem
import Netlink
import Processes
import SocketInspection

/// Receive buffers that prevent the stalls of Linux 6.15 and newer, for programs that the preload
/// library does not reach (docs/kernel-stall.md).
enum ReceiveBufferCheck {
    private static let name = "net.ipv4.tcp_rmem"
    /// The default with which no stall was seen (docs/LIMITS.md), bytes.
    private static let enough: Int64 = 6 << 20

    static func finding(by means: HostChecks.Means) -> Finding? {
        guard StallProbe.hasFault, let rmem = Sysctl.value(name) else { return nil }
        return finding(rmem: rmem, concerned: cgroups + (means == .trying ? programs : []))
    }

    /// - Parameter concerned: what the stalls are seen by: attached cgroups, and programs whose MPTCP
    ///   is their own.
    static func finding(rmem: String, concerned: [String]) -> Finding? {
        let sizes = rmem.split(whereSeparator: \.isWhitespace).compactMap { Int64($0) }
        guard sizes.count == 3 else { return nil }
        if sizes[1] >= enough {
            return Finding(.ok, name, "\(sizes[1]) bytes by default: enough for MPTCP here")
        }
        guard !concerned.isEmpty else {
            return Finding(
                .ok, name,
                "\(sizes[1]) bytes by default: too little for this kernel's MPTCP, but the preload"
                    + " library compensates for it")
        }
        let most = 3
        let list = concerned.prefix(most).joined(separator: ", ")
        let more = concerned.count > most ? " and \(concerned.count - most) more" : ""
        return Finding(
            .note, name,
            "\(sizes[1]) bytes by default: with less than \(enough), fast MPTCP transfers stand still"
                + " for 200 ms now and then on this kernel, and the preload library is not in"
                + " \(list)\(more)",
            next: "sysctl -w \(name)=\"\(sizes[0]) \(enough) \(max(sizes[2], enough))\", if up to"
                + " \(enough >> 20) MiB of memory for each connection is acceptable")
    }

    private static var cgroups: [String] {
        (try? BPFListing.seen())?.cgroups.map(\.path) ?? []
    }

    /// Those with MPTCP sockets and without the library.
    private static var programs: [String] {
        guard let inventory = try? SocketInventory(over: NetlinkSocket(NETLINK_SOCK_DIAG)),
            !inventory.mptcp.isEmpty
        else { return [] }
        let owners = SocketOwners { _ in true }
        var libraries: [Int32: Bool] = [:]
        var names: Set<String> = []
        for owner in inventory.mptcp.flatMap({ owners.of(inode: $0.inode) }) {
            let hasLibrary = libraries[owner.pid] ?? isMapped(in: owner.pid)
            libraries[owner.pid] = hasLibrary
            if hasLibrary == false { names.insert(owner.program) }
        }
        return names.sorted()
    }

    /// True where it cannot be known.
    private static func isMapped(in pid: Int32) -> Bool {
        guard let maps = try? lines(ofFile: "/proc/\(pid)/maps") else { return true }
        return maps.contains { $0.hasSuffix("/libmptcpize.so") }
    }
}
