import LinuxSystem
import Processes

/// Rules as the kernel applies them to packets, for programs that no library reaches. nftables
/// removes the option MP_CAPABLE from the SYN, so both ends speak TCP (nft 1.0.2).
///
/// The rules look only at the SYN of a first subflow. Additional subflows (MP_JOIN) belong to
/// connections that are already MPTCP.
package struct NFTRuleset {
    /// Which sockets are meant.
    package enum Scope: Equatable {
        /// All of this network namespace.
        case host
        /// Those of a cgroup and of all below it: its path below /sys/fs/cgroup, where nft looks
        /// for it, its levels below the root of the hierarchy, and its id.
        case cgroup(path: String, level: Int, id: UInt64, by: Owner)

        /// Who has rules for a cgroup, beside the others, in a table of its own.
        package enum Owner: String, Sendable {
            /// `policy apply`.
            case policy = "mptcpize_cgroup_"
            /// The BPF mode.
            case bpf = "mptcpize_bpf_"

            /// The name of a cgroup's table.
            package func table(of id: UInt64) -> String { "\(rawValue)\(id)" }
        }

        /// The id of the cgroup that a table of some owner's is for; nil for others.
        package static func cgroup(ofTable name: String, by owner: Owner = .policy) -> UInt64? {
            let prefix = owner.rawValue
            return name.hasPrefix(prefix) ? UInt64(name.dropFirst(prefix.count)) : nil
        }

        /// - Throws: `Failure` for a cgroup that nft has no name for.
        package init(
            _ cgroup: Cgroup, in hierarchy: borrowing CgroupHierarchy, by owner: Owner
        ) throws(Failure) {
            let path = cgroup.path
            let level = path.dropFirst(hierarchy.mountPoint.count).split(separator: "/").count
            let root = "/sys/fs/cgroup/"
            guard level > 0 else {
                throw Failure(
                    .failed, path, "is the whole host",
                    remedy: "use `mptcpize policy apply` without a cgroup")
            }
            // nft has no escapes within quotation marks.
            guard path.hasPrefix(root), !path.contains("\"") else {
                throw Failure(
                    .failed, path, "is a cgroup that nft cannot name",
                    remedy: "nft looks for cgroups below \(root)")
            }
            self = .cgroup(
                path: String(path.dropFirst(root.count)), level: level, id: cgroup.id, by: owner)
        }

        /// The name of the table.
        package var table: String {
            switch self {
            case .host: "mptcpize"
            case .cgroup(_, _, let id, let owner): owner.table(of: id)
            }
        }
    }

    private let policy: Policy
    private let scope: Scope

    package init(_ policy: Policy, scope: Scope) {
        self.policy = policy
        self.scope = scope
    }

    /// Rules that packets cannot be held against, and why.
    package var leftOut: [(rule: PolicyRule, reason: String)] {
        policy.rules.compactMap { rule in
            if rule.program != nil { return (rule, "packets do not show the program") }
            return Self.ports(rule) == nil ? (rule, "no packet has port 0") : nil
        }
    }

    /// The comments of the rules that it has, with which nft lists them.
    package var comments: Set<String> {
        Set(
            policy.rules.enumerated().compactMap { number, rule in
                let isHeld = rule.program == nil && Self.ports(rule) != nil
                return isHeld ? Self.comment(number, rule) : nil
            })
    }

    /// How many rules it has, in words.
    package var count: String { comments.count == 1 ? "1 rule" : "\(comments.count) rules" }

    /// What `nft -f` loads, in one transaction, in the place of what was there.
    package var text: String {
        let name = "inet \(scope.table)"
        let chains = [
            Self.chain("connect", hook: "output", match, lines(.connect)),
            Self.chain("listen", hook: "input", match, lines(.listen)),
        ]
        return "table \(name)\ndelete table \(name)\ntable \(name) {\n"
            + chains.joined(separator: "\n") + "}\n"
    }

    private var match: String {
        guard case .cgroup(let path, let level, _, _) = scope else { return "" }
        return "socket cgroupv2 level \(level) \"\(path)\" "
    }

    private static func chain(
        _ name: String, hook: String, _ match: String, _ lines: [String]
    ) -> String {
        """
          chain \(name) {
            type filter hook \(hook) priority mangle; policy accept;
            \(match)tcp flags & (fin | syn | rst | ack) == syn tcp option mptcp subtype 0 jump \(name)_rules
          }
          chain \(name)_rules {
        \(lines.map { "    \($0)\n" }.joined())  }

        """
    }

    private func lines(_ direction: PolicyRule.Direction) -> [String] {
        policy.rules.enumerated().flatMap { number, rule -> [String] in
            guard rule.program == nil, rule.direction == direction || rule.direction == .any,
                let ports = Self.ports(rule)
            else { return [] }
            let strips = rule.action == .tcp ? "reset tcp option mptcp " : ""
            return Self.addresses(rule, direction).map {
                "\($0)\(ports)counter \(strips)accept comment \"\(Self.comment(number, rule))\""
            }
        }
    }

    /// nil: none that is ever in a packet.
    private static func ports(_ rule: PolicyRule) -> String? {
        if rule.ports.isEmpty { return "" }
        let ranges = rule.ports.compactMap { range -> String? in
            let first = max(range.lowerBound, 1)
            guard first <= range.upperBound else { return nil }
            return first == range.upperBound ? "\(first)" : "\(first)-\(range.upperBound)"
        }
        return ranges.isEmpty ? nil : "tcp dport \(set(ranges)) "
    }

    /// A condition for each family that the rule has addresses of. A listener on all addresses
    /// has none of its own, whatever the packet's is (`socket wildcard`).
    private static func addresses(
        _ rule: PolicyRule, _ direction: PolicyRule.Direction
    ) -> [String] {
        if rule.addresses.isEmpty { return [""] }
        return [(true, "ip", "ipv4"), (false, "ip6", "ipv6")].flatMap {
            isIPv4, header, family -> [String] in
            let own = rule.addresses.filter { $0.isIPv4 == isIPv4 }
            if own.isEmpty { return [] }
            if own.contains(where: { $0.length == 0 }) { return ["meta nfproto \(family) "] }
            let some = "\(header) daddr \(set(own.map(\.text))) "
            if direction == .connect { return [some] }
            let hasAll = own.contains { $0.bytes.allSatisfy { $0 == 0 } }
            return ["\(some)socket wildcard 0 "]
                + (hasAll ? ["meta nfproto \(family) socket wildcard 1 "] : [])
        }
    }

    private static func set(_ items: [String]) -> String {
        items.count == 1 ? items[0] : "{ \(items.joined(separator: ", ")) }"
    }

    /// The rule's number, a sum of what it says, and where it was written, in what a comment may
    /// hold: 128 bytes (nftables' udata.h), no quotation mark.
    package static func comment(_ number: Int, _ rule: PolicyRule) -> String {
        let place = rule.origin.text.unicodeScalars.map { scalar in
            scalar.isASCII && scalar.value >= 0x20 && !"\"\\\u{7f}".unicodeScalars.contains(scalar)
                ? Character(scalar) : "?"
        }
        // FNV-1a, of 32 bits.
        let sum = rule.line.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        return "\(number) \(String(sum, radix: 16)) " + String(place.suffix(100))
    }

    /// The number of a rule and where it was written, out of its comment.
    package static func place(inComment comment: String) -> (number: Int, text: String) {
        let parts = comment.split(separator: " ", maxSplits: 2)
        guard parts.count == 3, let number = Int(parts[0]) else { return (.max, comment) }
        return (number, String(parts[2]))
    }
}
