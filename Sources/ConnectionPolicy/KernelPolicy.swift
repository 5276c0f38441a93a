import Glibc
import LinuxSystem

/// nftables, through the program nft.
package enum KernelPolicy {
    /// Loads a ruleset, all of it or nothing.
    package static func apply(_ ruleset: NFTRuleset) throws(Failure) { try load(ruleset, []) }

    /// Sees whether it could be loaded.
    package static func check(_ ruleset: NFTRuleset) throws(Failure) {
        try load(ruleset, ["--check"])
    }

    private static func load(_ ruleset: NFTRuleset, _ options: [String]) throws(Failure) {
        let outcome = try nft(options + ["-f", "-"], input: ruleset.text)
        if outcome.status != 0 {
            throw refused(
                outcome,
                remedy: "nothing was changed; this needs nft 1.0.2 and a kernel whose "
                    + "nftables can reset TCP options")
        }
    }

    /// Whether there is a program nft.
    package static func isInstalled() throws(Failure) -> Bool {
        do throws(Errno) {
            _ = try Subprocess.run(["nft", "--version"])
            return true
        } catch {
            if error.rawValue == ENOENT { return false }
            throw Failure(.failed, "nft", error.reasonInSentence)
        }
    }

    /// Takes a table away.
    ///
    /// - Returns: whether it was there.
    package static func remove(_ table: String) throws(Failure) -> Bool {
        guard try allTables().contains(table) else { return false }
        let outcome = try nft(["delete", "table", "inet", table])
        if outcome.status != 0 { throw refused(outcome) }
        return true
    }

    /// The names of the tables of `policy apply`.
    package static func tables() throws(Failure) -> [String] {
        try allTables().filter {
            $0 == NFTRuleset.Scope.host.table || NFTRuleset.Scope.cgroup(ofTable: $0) != nil
        }
    }

    /// The names of the BPF mode's tables.
    package static func tablesOfBPF() throws(Failure) -> [String] {
        try allTables().filter { NFTRuleset.Scope.cgroup(ofTable: $0, by: .bpf) != nil }
    }

    private static func allTables() throws(Failure) -> [String] {
        let outcome = try nft(["list", "tables", "inet"])
        if outcome.status != 0 { throw refused(outcome) }
        return outcome.output.split(separator: "\n").compactMap { line in
            line.split(separator: " ").last.map(String.init)
        }
    }

    /// How many first packets have met each rule, by the comment that it has.
    package static func counts(in table: String) throws(Failure) -> [String: UInt64] {
        let outcome = try nft(["list", "table", "inet", table])
        if outcome.status != 0 { throw refused(outcome) }
        return counts(inListing: outcome.output)
    }

    /// The same out of what nft prints: `… counter packets 3 … comment "0 1b2c policy.conf:1"`.
    static func counts(inListing text: String) -> [String: UInt64] {
        var result: [String: UInt64] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            let parts = line.split(separator: "\"")
            guard let packets = words.firstIndex(of: "packets"), packets + 1 < words.endIndex,
                let count = UInt64(words[packets + 1]), parts.count > 1, line.last == "\""
            else { continue }
            result[String(parts[parts.count - 1]), default: 0] += count
        }
        return result
    }

    private static func nft(
        _ arguments: [String], input: String = ""
    ) throws(Failure) -> Subprocess.Outcome {
        do throws(Errno) {
            return try Subprocess.run(
                ["nft"] + arguments, settings: ["LC_ALL": "C.UTF-8"], input: Bytes(input.utf8))
        } catch {
            if error.rawValue == ENOENT {
                throw Failure(
                    .failed, "nft", "is not installed", remedy: "install the package nftables")
            }
            throw Failure(.failed, "nft", error.reasonInSentence)
        }
    }

    /// nft's own first line says what was wrong.
    private static func refused(
        _ outcome: Subprocess.Outcome, remedy: String = "`nft list tables` shows whether nft works"
    ) -> Failure {
        let line = outcome.errors.split(separator: "\n").first.map(String.init)
        let mayNot = outcome.errors.contains("Operation not permitted")
        return Failure(
            .failed, "nft", line ?? "ended with status \(outcome.status)",
            remedy: mayNot
                ? "this needs root with CAP_NET_ADMIN in this network namespace" : remedy)
    }
}
