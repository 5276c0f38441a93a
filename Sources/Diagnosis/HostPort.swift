import Glibc
import LinuxSystem
import SocketValues

/// "HOST:PORT", "[2001:db8::1]:443", or without a port, that of `check --serve`.
struct HostPort: Equatable {
    let host: String
    let port: String

    /// - Throws: `Failure` of status usage.
    init(_ target: String) throws(Failure) {
        let usage = Failure(
            .usage, target, "is not HOST:PORT", remedy: "such as example.org:443 or [::1]:80")
        var host = target[...]
        var port = CheckProtocol.defaultPort[...]
        if let colon = target.lastIndex(of: ":"), !target.hasSuffix("]") {
            port = target[target.index(after: colon)...]
            host = target[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw usage
        }
        guard !host.isEmpty, let number = UInt16(port), number > 0 else { throw usage }
        self.host = String(host)
        self.port = String(port)
    }

    /// What it stands for, as the kernel wants it.
    struct Address {
        let family: Int32
        let storage: [UInt8]
        let shown: SocketAddress

        /// Calls with it as the kernel wants it.
        func with(_ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
            storage.withUnsafeBytes {
                call(
                    $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
            }
        }
    }

    /// - Parameter flags: AI_ADDRCONFIG, AI_PASSIVE.
    func addresses(_ flags: Int32) throws(Failure) -> [Address] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags
        var list: UnsafeMutablePointer<addrinfo>?
        let error = getaddrinfo(host, port, &hints, &list)
        guard error == 0 else {
            throw Failure(
                .failed, host, String(cString: gai_strerror(error)),
                remedy: "`getent ahosts NAME` shows the addresses of a name; or give an address"
            )
        }
        defer { freeaddrinfo(list) }
        var result: [Address] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ai_next
            guard let raw = entry.pointee.ai_addr, let shown = SocketAddress(raw) else { continue }
            let bytes = UnsafeRawBufferPointer(start: raw, count: Int(entry.pointee.ai_addrlen))
            result.append(
                Address(family: entry.pointee.ai_family, storage: Array(bytes), shown: shown))
        }
        return result
    }
}
