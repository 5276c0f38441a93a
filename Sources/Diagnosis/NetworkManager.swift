import Glibc
import LinuxSystem
import Netlink

/// The interfaces that NetworkManager has connected, and what it does there about MPTCP. It makes
/// endpoints of their addresses (since 1.40), and removes others' endpoints when a connection is
/// applied again.
struct NetworkManager {
    /// The active connection of an interface.
    struct Connection: Equatable {
        let name: String
        let uuid: String
        /// Its own, or those that NetworkManager.conf gives to all that have none.
        let flags: Flags
    }

    /// NMMptcpFlags of libnm.
    struct Flags: OptionSet {
        let rawValue: UInt32

        static let disabled = Flags(rawValue: 0x01)
        static let enabled = Flags(rawValue: 0x02)
        /// Without it, a family of addresses without a default route gets no endpoints.
        static let alsoWithoutDefaultRoute = Flags(rawValue: 0x08)

        /// How its endpoints look; nil where it makes none.
        var endpoint: MPTCPEndpoint.Flags? {
            if contains(.disabled) { return nil }
            var flags: MPTCPEndpoint.Flags = []
            if rawValue & 0x10 != 0 { flags.insert(.signal) }
            if rawValue & 0x20 != 0 { flags.insert(.subflow) }
            if rawValue & 0x40 != 0 { flags.insert(.backup) }
            if rawValue & 0x80 != 0 { flags.insert(.fullmesh) }
            return flags.isEmpty ? .subflow : flags
        }
    }

    /// By the interface's name.
    private let connections: [String: Connection]

    /// As nmcli(1) tells. None where NetworkManager does not run, is too old, or is not asked.
    init(isAsked: Bool) {
        var connections: [String: Connection] = [:]
        if isAsked, access("/run/NetworkManager", F_OK) == 0 {
            for line in Self.nmcli("-f", "DEVICE,STATE,CON-UUID", "device", "status") {
                let fields = line.split(separator: ":", omittingEmptySubsequences: false)
                // "connected (externally)": it looks on only.
                guard fields.count == 3, fields[1] == "connected" else { continue }
                connections[String(fields[0])] = Self.connection(String(fields[2]))
            }
        }
        self.connections = connections
    }

    /// Nil where it leaves the interface alone.
    func connection(of interface: Interface) -> Connection? { connections[interface.name] }

    /// The connection of which an endpoint is, by all that shows.
    func maker(of endpoint: MPTCPEndpoint, on interface: Interface) -> Connection? {
        guard endpoint.interface == interface.index, endpoint.address.port == 0,
            let connection = connection(of: interface),
            endpoint.flags == connection.flags.endpoint
        else { return nil }
        return connection
    }

    private static func connection(_ uuid: String) -> Connection? {
        let fields = "connection.id,connection.mptcp-flags"
        let lines = nmcli("-f", fields, "connection", "show", "uuid", uuid).map {
            $0.split(separator: ":", maxSplits: 1).last.map(String.init) ?? ""
        }
        // "0x22 (enabled,subflow)"
        guard lines.count == 2, let own = flags(lines[1]) else { return nil }
        return Connection(name: lines[0], uuid: uuid, flags: own.isEmpty ? ofAll : own)
    }

    /// Those of the section [connection] of NetworkManager.conf, for connections without any.
    private static var ofAll: Flags {
        let name = "connection.mptcp-flags="
        let lines = output(["/usr/sbin/NetworkManager", "--print-config"])
        return lines.first { $0.hasPrefix(name) }.flatMap { flags($0.dropFirst(name.count)) } ?? []
    }

    private static func flags(_ text: some StringProtocol) -> Flags? {
        let number = text.prefix { $0 != " " }
        return
            (number.hasPrefix("0x") ? UInt32(number.dropFirst(2), radix: 16) : UInt32(number))
            .map(Flags.init)
    }

    private static func nmcli(_ arguments: String...) -> [String] {
        output(["nmcli", "--terse", "--escape", "no"] + arguments)
    }

    private static func output(_ command: [String]) -> [String] {
        guard let outcome = try? Subprocess.run(command, settings: ["LC_ALL": "C.UTF-8"]),
            outcome.status == 0
        else { return [] }
        return outcome.output.split(separator: "\n").map(String.init)
    }
}
