import Glibc
import LinuxSystem
import SocketValues

/// An interface of this network namespace, with the addresses that connections can use.
struct Interface: Equatable {
    let name: String
    let index: Int32
    /// Up, and its link too.
    let isRunning: Bool
    let isLoopback: Bool
    /// Without link-local ones.
    var addresses: [SocketAddress]

    /// A bridge that only virtual machines and containers hang on, as docker0 and virbr0: all
    /// that leaves the host leaves it by another interface.
    var isInternalBridge: Bool {
        let directory = "/sys/class/net/\(name)"
        guard access(directory + "/bridge", F_OK) == 0 else { return false }
        // A port that is a network card, or lies above one (a VLAN, a bond), leads outside.
        return directoryEntries(directory + "/brif").allSatisfy { port in
            !directoryEntries("/sys/class/net/\(port)").contains {
                $0 == "device" || $0.hasPrefix("lower_")
            }
        }
    }

    static func all() -> [Interface] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var result: [Interface] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ifa_next
            // Of an address with a label of its own, "eth0:1", it is that label.
            let name = String(String(cString: entry.pointee.ifa_name).prefix { $0 != ":" })
            let flags = Int32(bitPattern: entry.pointee.ifa_flags)
            if !result.contains(where: { $0.name == name }) {
                let needed = Int32(IFF_UP | IFF_RUNNING)
                result.append(
                    Interface(
                        name: name, index: Int32(if_nametoindex(name)),
                        isRunning: flags & needed == needed,
                        isLoopback: flags & Int32(IFF_LOOPBACK) != 0, addresses: []))
            }
            guard let raw = entry.pointee.ifa_addr, let address = SocketAddress(raw),
                !address.isLinkLocal,
                let place = result.firstIndex(where: { $0.name == name })
            else { continue }
            result[place].addresses.append(address)
        }
        return result
    }
}
