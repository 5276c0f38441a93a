import ConnectionPolicy
import LinuxSystem
import SystemdUnits
import TextOutput

extension PolicyRule {
    var json: JSONValue {
        [
            "file": .string(origin.file.text), "line": JSONValue(origin.line),
            "action": .string(action.rawValue), "direction": .string(direction.rawValue),
            "addresses": .array(addresses.map { .string($0.text) }),
            "ports": .array(
                ports.map { .array([JSONValue($0.lowerBound), JSONValue($0.upperBound)]) }
            ),
            "program": JSONValue(program?.text), "rule": .string(line),
        ]
    }
}

/// What becomes of one connection or listener, and which rule says so.
struct PolicyTrial {
    let rule: PolicyRule?
    let direction: PolicyRule.Direction
    /// Whether every connection and listener of the program is TCP.
    let keepsAll: Bool
    /// Rules that might decide before, for another program.
    let others: [PolicyRule]

    /// - Throws: `Failure` for words that make no sense.
    init(
        _ policy: Policy, program: Bytes?, direction: String, address: String, port: String
    ) throws(Failure) {
        guard let way = PolicyRule.Direction(rawValue: direction), way != .any else {
            throw Failure(
                .usage, direction, "is not a direction", remedy: "write connect or listen")
        }
        guard let number = PolicyPort.number(port) else {
            throw Failure(
                .usage, port, "is not a port", remedy: "write a number, or a name of services(5)")
        }
        let table = PolicyTable(policy.text, program: program)
        guard let ruling = table.ruling(way, address, port: number) else {
            throw Failure(
                .usage, address, "is not an address",
                remedy: "write an IPv4 or IPv6 address; `getent ahosts HOST` lists those of a host")
        }
        self.direction = way
        keepsAll = table.forAll.isTCP && ruling.isTCP
        rule = ruling.rule.map { policy.rules[$0] }
        let before = policy.rules[..<(ruling.rule ?? policy.rules.count)]
        var others: [PolicyRule] = []
        for other in before where program == nil && other.program != nil {
            let alone = try Policy([other.forEveryProgram], status: .failed)
            let own = PolicyTable(alone.text, program: nil).ruling(way, address, port: number)
            if own?.rule != nil { others.append(other) }
        }
        self.others = others
    }

    private var isTCP: Bool { rule?.action == .tcp }

    /// What the preload library does.
    private var preload: String {
        if !isTCP { return "MPTCP, if the kernel and the peer support it" }
        return direction == .connect
            ? "TCP: the socket is replaced when it connects"
            : "TCP: the socket is replaced when it listens"
    }

    /// What the BPF mode does.
    private var kernel: String {
        if !isTCP { return "MPTCP, if the kernel and the peer support it" }
        if keepsAll { return "TCP: the rules keep all TCP, so the kernel makes no MPTCP sockets" }
        if rule?.program != nil {
            return "TCP if the cgroup was made for the program (run, enable), otherwise MPTCP: "
                + "packets do not show the program"
        }
        return "TCP: nftables removes MPTCP from the first packet, and the socket falls back"
    }

    /// What becomes of sockets that the program makes MPTCP past both.
    private var itself: String {
        if !isTCP { return "MPTCP, if the kernel and the peer support it" }
        return rule?.program == nil
            ? "MPTCP, unless `mptcpize policy apply` enforces the rules"
            : "MPTCP: `mptcpize policy apply` cannot enforce rules for certain programs"
    }

    var lines: [String] {
        let decides =
            rule.map { "\($0.origin.text) decides: \($0.line)" } ?? "no rule matches: mptcp"
        let unknown = others.map {
            "\($0.origin.text) may decide first, for the program \($0.program!.text): add --program"
        }
        return [decides] + unknown + [
            "preload library: \(preload)", "BPF mode: \(kernel)",
            "a program that uses MPTCP itself, without either: \(itself)",
        ]
    }

    var json: JSONValue {
        [
            "version": 1, "rule": rule?.json ?? .null,
            "preload": .string(isTCP ? "tcp" : "mptcp"),
            "bpf": .string(isTCP && (keepsAll || rule?.program == nil) ? "tcp" : "mptcp"),
        ]
    }

    /// The drop-in of an enabled unit.
    static func installed(
        _ unit: String, of manager: ServiceManager
    ) throws(Failure) -> DropIn.Installed? {
        let name = try UnitArgument(unit).name
        for directory in [manager.configuration, manager.runtime] {
            if let found = try DropInStore(directory).installed(name) { return found }
        }
        throw Failure(
            .failed, name.description, "is not enabled",
            remedy: manager.command("mptcpize", "enable", name) + " first")
    }

    /// Where a unit's rules come from: what it, or its template, was enabled with.
    static func places(
        of unit: UnitName, _ manager: ServiceManager
    ) throws(Failure) -> PolicyPlaces {
        for name in [unit, unit.template].compactMap({ $0 }) {
            for directory in [manager.configuration, manager.runtime] {
                if let found = try DropInStore(directory).installed(name) { return found.policy }
            }
        }
        return PolicyPlaces()
    }

    /// The file name of the image of a unit's program: of the interpreter, for a script.
    static func program(
        _ unit: String, of manager: ServiceManager
    ) throws(Failure) -> String? {
        let name = try UnitArgument(unit).name
        return ServiceProgram(name, try manager.properties(of: name)).images.first
    }
}
