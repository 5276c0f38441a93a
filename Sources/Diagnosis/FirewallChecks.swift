import Glibc
import LinuxSystem
import TextOutput

/// Rules of this network namespace's firewall that strip or drop MPTCP.
enum FirewallChecks {
    static let subject = "firewall"

    static func findings() -> [Finding] {
        var findings: [Finding] = []
        var count = 0
        var tools = ["iptables-legacy", "ip6tables-legacy"].filter(hasLegacyRules)
        do throws(Failure) {
            let listing = try nftables()
            findings += listing.rules.filter { !isDormant($0.table) }.map(\.finding)
            if !listing.own.isEmpty { findings.append(own(listing.own)) }
            count = listing.count
            // Those that iptables(8) has in nftables.
            if listing.hasForeign { tools += ["iptables-nft", "ip6tables-nft"] }
        } catch {
            findings.append(notLookedAt(error))
        }
        for tool in tools {
            do throws(Failure) {
                let text = try output(of: ["\(tool)-save"])
                findings += IPTablesListing.rules(text, tool: tool).map(\.finding)
                if tool.hasSuffix("legacy") { count += text.split(separator: "\n-A ").count - 1 }
            } catch {
                findings.append(notLookedAt(error))
            }
        }
        guard !findings.contains(where: { $0.level != .ok }) else { return findings }
        return findings + [
            Finding(
                .ok, subject,
                count == 0 ? "there are no rules" : "none of the other \(count) rules is on MPTCP")
        ]
    }

    private static func own(_ tables: [String]) -> Finding {
        Finding(
            .ok, subject,
            "mptcpize's own (\(tables.joined(separator: ", "))): they keep TCP what the policy keeps TCP",
            next: "`mptcpize policy` shows them")
    }

    private static func notLookedAt(_ failure: Failure) -> Finding {
        Finding(
            .note, subject, "not looked at: \(failure.object): \(failure.reason)",
            next: failure.remedy)
    }

    private static func nftables() throws(Failure) -> NFTListing {
        let text = try output(of: ["nft", "--json", "--handle", "--terse", "list", "ruleset"])
        guard let listing = JSONValue(parsing: Array(text.utf8)).flatMap(NFTListing.init) else {
            throw Failure(
                .failed, "nft", "its list cannot be read",
                remedy: "`nft list ruleset` shows it; look for “tcp option mptcp”")
        }
        return listing
    }

    /// Whether a table is switched off, which its JSON leaves out (nft 1.0.6).
    private static func isDormant(_ table: [String]) -> Bool {
        let text = try? output(of: ["nft", "--terse", "list", "table"] + table)
        return text?.split(separator: "\n").contains { line in
            let words = line.split { $0 == " " || $0 == "\t" || $0 == "," }
            return words.first == "flags" && words.contains("dormant")
        } ?? false
    }

    private static func output(of command: [String]) throws(Failure) -> String {
        let name = command[0]
        let outcome: Subprocess.Outcome
        do throws(Errno) {
            outcome = try Subprocess.run(command, settings: ["LC_ALL": "C.UTF-8"])
        } catch {
            throw Failure(
                .failed, name,
                error.rawValue == ENOENT ? "is not installed" : error.reasonInSentence)
        }
        guard outcome.status == 0 else {
            let said = outcome.errors.split(separator: "\n").first.map(String.init)
            throw Failure(
                .failed, name, said ?? "exit status \(outcome.status)",
                remedy: geteuid() == 0 ? "" : "try as root")
        }
        return outcome.output
    }

    /// Whether iptables of the old kind has tables here; asking its program would load them.
    private static func hasLegacyRules(_ tool: String) -> Bool {
        let family = tool.hasPrefix("ip6") ? "ip6" : "ip"
        return (try? lines(ofFile: "/proc/thread-self/net/\(family)_tables_names"))?.isEmpty
            == false
    }
}
