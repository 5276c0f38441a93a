import LinuxSystem
import TextOutput

/// All that is attached, for text and JSON alike.
package struct BPFListing: Sendable {
    package let cgroups: [AttachedCgroup]
    /// How often the kernel skipped the program, on the whole machine, because it was
    /// preempted while it ran on the same CPU; such a socket stayed TCP. Nil: not told.
    package let missedRuns: UInt64?

    package init(cgroups: [AttachedCgroup], missedRuns: UInt64?) {
        self.cgroups = cgroups
        self.missedRuns = missedRuns
    }

    /// One document; times in seconds since 1970.
    package var json: JSONValue {
        let cgroups = cgroups.map { cgroup -> JSONValue in
            [
                "cgroup": .string(cgroup.path), "id": .unsigned(cgroup.id),
                "unit": JSONValue(cgroup.unit), "since": .unsigned(cgroup.since),
                "gone": .bool(cgroup.isGone), "upgraded": .unsigned(cgroup.upgraded),
                "left_tcp": [
                    "mptcp_off": .unsigned(cgroup.mptcpOff),
                    "no_mptcpv6": .unsigned(cgroup.noMPTCPv6),
                ],
                "not_tcp": .unsigned(cgroup.notTCP), "remedied": JSONValue(cgroup.remedied),
                "keeps_tcp": .bool(cgroup.keepsTCP), "kept_tcp": .unsigned(cgroup.kept),
                "rules": .array(
                    cgroup.ruleCounts.map {
                        ["rule": .string($0.place), "met": .unsigned($0.met)]
                    }),
            ]
        }
        return ["cgroups": .array(cgroups), "missed": JSONValue(missedRuns)]
    }

    /// Lines for people; times in the local time zone.
    package var lines: [String] {
        if cgroups.isEmpty { return ["No cgroup is attached."] }
        var table = TextTable([
            .init("UPGRADED", .right), .init("MPTCP-OFF", .right), .init("NO-MPTCPv6", .right),
            .init("NOT-TCP", .right), .init("REMEDIED", .right), .init("SINCE"), .init("UNIT"),
        ])
        for cgroup in cgroups {
            let counters = [
                cgroup.upgraded, cgroup.mptcpOff, cgroup.noMPTCPv6, cgroup.notTCP,
            ]
            table.append(
                counters.map { .init(String($0)) } + [
                    .init(cgroup.remedied.map { String($0) } ?? "-"),
                    .init(localTime(cgroup.since)), .init((cgroup.unit ?? "-").printable),
                ],
                note: cgroup.path.printable + (cgroup.isGone ? " (gone)" : ""))
        }
        var result = table.lines(noteTitle: "CGROUP", width: 160) + ruleLines
        if let missedRuns, missedRuns > 0 {
            result.append(
                "The kernel skipped the program \(missedRuns) times because it was busy with it: "
                    + "those sockets stayed as they were asked for.")
        }
        return result
    }

    /// What stays TCP in cgroups that have rules, and how often each was met.
    private var ruleLines: [String] {
        var table = TextTable([.init("MET", .right), .init("RULE")])
        for cgroup in cgroups {
            if cgroup.keepsTCP {
                table.append(
                    [.init("\(cgroup.kept)"), .init("everything stays TCP")],
                    note: cgroup.path.printable)
            }
            for rule in cgroup.ruleCounts {
                table.append(
                    [.init("\(rule.met)"), .init(rule.place.printable)],
                    note: cgroup.path.printable)
            }
        }
        let lines = table.lines(noteTitle: "CGROUP", width: 160)
        return lines.count < 2 ? [] : [""] + lines
    }
}
