import LinuxSystem

/// The names of TCP ports, services(5).
///
/// Not read by getservbyname, which asks the modules of nsswitch.conf: a statically linked mptcpize
/// cannot load these.
struct ServiceNames {
    static let file = "/etc/services"

    private var ports: [String: UInt16] = [:]

    /// - Parameter text: the content of a file like /etc/services.
    init(_ text: String) {
        for line in text.split(separator: "\n") {
            let words = line.prefix { $0 != "#" }.split { $0.isWhitespace }
            guard words.count > 1 else { continue }
            let place = words[1].split(separator: "/")
            guard place.count == 2, place[1] == "tcp", let port = UInt16(place[0]) else { continue }
            // The first one counts, as for getservbyname.
            for name in [words[0]] + words[2...] where ports[String(name)] == nil {
                ports[String(name)] = port
            }
        }
    }

    /// Those of this machine; nil where it has no such file.
    static func ofThisMachine() -> ServiceNames? {
        (try? contents(ofFile: file)).map { ServiceNames($0.text) }
    }

    /// The same, read at the first call.
    static func onceOfThisMachine() -> () -> ServiceNames? {
        var names: ServiceNames??
        return {
            if names == nil { names = .some(ofThisMachine()) }
            return names!
        }
    }

    subscript(name: String) -> UInt16? { ports[name] }
}
