import TextOutput

/// The rules of iptables-save(8).
enum IPTablesListing {
    /// - Parameter tool: the program of which this is the list: "iptables".
    /// - Returns: those that say something of MPTCP.
    static func rules(_ text: String, tool: String) -> [FirewallRule] {
        var table = ""
        var result: [FirewallRule] = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("*") { table = String(line.dropFirst()) }
            let words = words(of: line)
            guard words.count > 2, words[0] == "-A", let effect = effect(words) else { continue }
            let rule = words.dropFirst().map(\.shellWord).joined(separator: " ")
            result.append(
                FirewallRule(
                    place: "\(tool), table \(table), chain \(words[1])", effect: effect,
                    remedy: "\(tool) -t \(table) -D \(rule)"))
        }
        return result
    }

    /// What is between quotation marks is one word; a backslash takes the next character as it is
    /// (xtables_save_string of iptables).
    private static func words(of line: Substring) -> [String] {
        var words: [String] = []
        var word: String?
        var isQuoted = false
        var isEscaped = false
        for character in line {
            switch character {
            case _ where isEscaped:
                word = (word ?? "") + String(character)
                isEscaped = false
            case "\\" where isQuoted: isEscaped = true
            case "\"":
                isQuoted.toggle()
                word = word ?? ""
            case " " where !isQuoted:
                if let word { words.append(word) }
                word = nil
            default: word = (word ?? "") + String(character)
            }
        }
        return words + [word].compactMap { $0 }
    }

    private static func effect(_ words: [String]) -> FirewallRule.Effect? {
        func value(_ option: String) -> String {
            guard let place = words.firstIndex(of: option), place + 1 < words.endIndex else {
                return ""
            }
            return words[place + 1]
        }
        let number = "30"  // TCPOPT_MPTCP
        switch value("-j") {
        case "TCPOPTSTRIP":
            let stripped = value("--strip-options").split(separator: ",")
            return stripped.contains { $0 == number } ? .strips : nil
        case "SYNPROXY": return .answers
        case "DROP", "REJECT":
            guard let place = words.firstIndex(of: "--tcp-option"),
                value("--tcp-option") == number
            else { return nil }
            // "! --tcp-option 30": those without it.
            return words[place - 1] == "!" ? nil : .drops
        default: return nil
        }
    }
}
