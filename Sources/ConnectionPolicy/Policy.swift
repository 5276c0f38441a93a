import LinuxSystem
import SocketPolicy

/// Rules in their order. The first one that matches decides; if none matches, the result is MPTCP.
package struct Policy: Sendable, Equatable {
    package let rules: [PolicyRule]

    /// The longest canonical text: half of what the kernel takes of one variable
    /// (MAX_ARG_STRLEN).
    private static let longestText = 65536

    /// - Throws: `Failure` where the preload library could not hold them.
    package init(_ rules: [PolicyRule], status: Failure.Status) throws(Failure) {
        self.rules = rules
        // To compile nothing takes a tenth of the time that `run` has.
        if !rules.isEmpty { try refuseTooMany(status) }
    }

    /// Whether any connection or listener stays TCP.
    package var canSayTCP: Bool { rules.contains { $0.action == .tcp } }

    /// As the preload library reads it, in MPTCPIZE_POLICY; ConnectionPolicy.h of SocketPolicy
    /// has the grammar.
    package var text: String {
        (["v1"] + rules.map(Self.canonical)).joined(separator: ";")
    }

    private static func canonical(_ rule: PolicyRule) -> String {
        let addresses = rule.addresses.map { $0.text }.joined(separator: ",")
        let ports = rule.ports.map { range in
            range.count == 1
                ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
        }.joined(separator: ",")
        var fields = [
            rule.action.rawValue, rule.direction.rawValue, addresses.isEmpty ? "*" : addresses,
            ports.isEmpty ? "*" : ports, "\(escaped(rule.origin.file)):\(rule.origin.line)",
        ]
        if let program = rule.program { fields.append(escaped(program)) }
        return fields.joined(separator: "_")
    }

    /// Bytes that neither a shell nor a unit file would want quoted; others as "=XX".
    package static func escaped(_ bytes: Bytes) -> String {
        let plain = Bytes("./:,*?-[]".utf8)
        return bytes.reduce(into: "") { result, byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte)
                || (0x61...0x7a).contains(byte) || plain.contains(byte)
            let digits = String(byte, radix: 16, uppercase: true)
            result +=
                isPlain
                ? String(UnicodeScalar(byte)) : "=" + (digits.count < 2 ? "0" : "") + digits
        }
    }

    /// Where the rules of a canonical text were written, in their order.
    package static func origins(ofText text: String) -> [PolicyOrigin] {
        text.split(separator: ";", omittingEmptySubsequences: false).dropFirst().map { rule in
            let fields = rule.split(separator: "_", omittingEmptySubsequences: false)
            let origin = fields.count > 4 ? unescaped(fields[4]) : []
            let colon = origin.lastIndex(of: UInt8(ascii: ":")) ?? origin.endIndex
            let line = Int(Bytes(origin[colon...].dropFirst()).text) ?? 0
            return PolicyOrigin(file: Bytes(origin[..<colon]), line: line)
        }
    }

    package static func unescaped(_ text: Substring) -> Bytes {
        var result = Bytes()
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "="),
                let code = UInt8(String(rest.prefix(2)) ?? "", radix: 16)
            else {
                result.append(byte)
                continue
            }
            result.append(code)
            rest = rest.dropFirst(2)
        }
        return result
    }

    private func refuseTooMany(_ status: Failure.Status) throws(Failure) {
        let most = Int(MPTCPIZE_POLICY_CELLS)
        // By direction, then family.
        var counts = [[0, 0], [0, 0]]
        for rule in rules {
            let ipv4 = rule.addresses.isEmpty ? 1 : rule.addresses.count { $0.isIPv4 }
            let ipv6 = rule.addresses.isEmpty ? 1 : rule.addresses.count { !$0.isIPv4 }
            for direction in rule.direction.indices {
                counts[direction][0] += ipv4 * max(rule.ports.count, 1)
                counts[direction][1] += ipv6 * max(rule.ports.count, 1)
            }
            guard counts.joined().contains(where: { $0 > most }) else { continue }
            throw Failure(
                status, "\(rule.origin.file.text):\(rule.origin.line)",
                "too many rules: each prefix with each range of ports counts, and of "
                    + "\(counts.joined().max()!) for one direction and address family "
                    + "there is room for \(most)",
                remedy: "join addresses into prefixes, and ports into ranges")
        }
        let length = text.utf8.count
        guard length > Self.longestText else { return }
        throw Failure(
            status, rules.last?.origin.file.text ?? "policy",
            "too many rules: \(length) bytes in the environment, where \(Self.longestText) are "
                + "passed on",
            remedy: "shorten names and paths, or remove rules")
    }
}
