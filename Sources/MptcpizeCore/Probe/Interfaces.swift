import Glibc

/// An interface of this network namespace, with the addresses that connections can use.
struct Interface: Equatable {
    let name: String
    let index: Int32
    /// Up, and its link too.
    let isRunning: Bool
    let isLoopback: Bool
    /// Without link-local ones.
    var addresses: [SocketAddress]

    static func all() -> [Interface] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var result: [Interface] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ifa_next
            let name = String(cString: entry.pointee.ifa_name)
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
