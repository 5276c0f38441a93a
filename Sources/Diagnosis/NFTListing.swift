import TextOutput

/// The rules of `nft --json --handle --terse list ruleset`.
struct NFTListing {
    /// Those that say something of MPTCP, in the order of the list.
    private(set) var rules: [FirewallRule] = []
    /// mptcpize's own tables: "inet mptcpize".
    private(set) var own: [String] = []
    private(set) var count = 0
    /// Whether there are rules of the x_tables kind, which nft does not take apart.
    private(set) var hasForeign = false

    private struct Place: Hashable {
        let family: String
        let table: String
        var chain = ""
        var ofTable: Place { Place(family: family, table: table) }
    }

    /// Nil for what is no such list.
    init?(_ document: JSONValue) {
        guard case .array(let items)? = document["nftables"] else { return nil }
        var reached: Set<Place> = []
        var jumps: [Place: [Place]] = [:]
        var found: [(Place, FirewallRule)] = []
        for item in items {
            if let table = item["table"], let place = Self.place(table, "name") {
                if Self.isOwn(place) { own.append("\(place.family) \(place.table)") }
            } else if let chain = item["chain"], let place = Self.place(chain, "table", "name") {
                if chain["hook"] != nil { reached.insert(place) }
            } else if let map = item["map"], let place = Self.place(map, "table") {
                // Terse lists leave out what is in maps: any chain may be reached by one.
                if map["map"]?.string == "verdict" { jumps[place.ofTable, default: []] = [place] }
            } else if let rule = item["rule"], let place = Self.place(rule, "table", "chain") {
                count += 1
                guard case .array(let statements)? = rule["expr"] else { continue }
                if statements.contains(where: { $0["xt"] != nil }) { hasForeign = true }
                jumps[place, default: []] += Self.targets(statements).map {
                    Place(family: place.family, table: place.table, chain: $0)
                }
                if let own = Self.rule(rule, statements, place) { found.append((place, own)) }
            }
        }
        let all = Self.closure(reached, jumps)
        rules = found.filter { place, _ in
            !Self.isOwn(place)
                && (all.contains(place) || jumps[place.ofTable] != nil)
        }.map(\.1)
    }

    /// All chains that packets come to.
    private static func closure(_ first: Set<Place>, _ jumps: [Place: [Place]]) -> Set<Place> {
        var all = first
        var next = Array(first)
        while let place = next.popLast() {
            for target in jumps[place] ?? [] where all.insert(target).inserted {
                next.append(target)
            }
        }
        return all
    }

    private static func place(
        _ object: JSONValue, _ table: String, _ chain: String? = nil
    ) -> Place? {
        guard let family = object["family"]?.string, let table = object[table]?.string else {
            return nil
        }
        return Place(
            family: family, table: table, chain: chain.flatMap { object[$0]?.string } ?? "")
    }

    /// As `NFTRuleset.Scope` names them.
    private static func isOwn(_ place: Place) -> Bool {
        place.family == "inet"
            && (place.table == "mptcpize" || place.table.hasPrefix("mptcpize_cgroup_")
                || place.table.hasPrefix("mptcpize_bpf_"))
    }

    // MARK: - One rule

    private static func rule(
        _ rule: JSONValue, _ statements: [JSONValue], _ place: Place
    ) -> FirewallRule? {
        guard let effect = effect(statements), let handle = rule["handle"]?.integer else {
            return nil
        }
        return FirewallRule(
            place: "table \(place.family) \(place.table), chain \(place.chain)",
            table: [place.family, place.table], effect: effect,
            packets: statements.lazy.compactMap { $0["counter"]?["packets"]?.integer }.first,
            remedy: "nft delete rule \(place.family) \(place.table.shellWord)"
                + " \(place.chain.shellWord) handle \(handle)")
    }

    private static func effect(_ statements: [JSONValue]) -> FirewallRule.Effect? {
        if statements.contains(where: { isOption($0["reset"]) }) { return .strips }
        if statements.contains(where: { $0["synproxy"] != nil }) { return .answers }
        guard statements.contains(where: { asksForOption($0["match"]) }),
            statements.contains(where: drops)
        else { return nil }
        return .drops
    }

    /// Whether packets that match have the option.
    private static func asksForOption(_ match: JSONValue?) -> Bool {
        guard let match, isOption(match["left"]) else { return false }
        // "missing" and "!= …" are the packets without it.
        if case .bool(let exists)? = match["right"] {
            return exists == (match["op"]?.string != "!=")
        }
        return match["op"]?.string != "!="
    }

    private static func isOption(_ value: JSONValue?) -> Bool {
        let number: Int64 = 30  // TCPOPT_MPTCP
        guard let option = value?["tcp option"] else { return false }
        let name = option["name"]
        return name?.string == "mptcp" || name?.integer == number || name?.string == "\(number)"
            || option["base"]?.integer == number
    }

    private static func drops(_ statement: JSONValue) -> Bool {
        guard case .object(let members) = statement else { return false }
        return members.contains { $0.name == "drop" || $0.name == "reject" }
    }

    /// Chains to which a rule sends packets, those of the maps in it included.
    private static func targets(_ statements: [JSONValue]) -> [String] {
        statements.flatMap(targets)
    }

    private static func targets(_ value: JSONValue) -> [String] {
        switch value {
        case .array(let values): return values.flatMap(targets)
        case .object(let members):
            return members.flatMap { member in
                if ["jump", "goto"].contains(member.name),
                    let target = member.value["target"]?.string
                {
                    return [target]
                }
                return targets(member.value)
            }
        default: return []
        }
    }
}
