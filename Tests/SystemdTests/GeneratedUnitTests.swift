import Foundation
import LinuxSystem
import SystemdUnits
import TestSupport
import Testing

/// Random unit files, drop-ins and environment files, read by several releases of systemd and by
/// mptcpize. What a seed makes is in UnitFileGenerator.
@Suite("Generated units", .requires(.systemdMachines))
struct GeneratedUnitTests {
    /// So many units for each release; `make test-random` takes more.
    private static let count =
        ProcessInfo.processInfo.environment["MPTCPIZE_UNITS"].flatMap { Int($0) } ?? 70
    private static let seed: UInt64 =
        ProcessInfo.processInfo.environment["MPTCPIZE_SEED"].flatMap { UInt64($0) } ?? 1
    /// Of the units of one daemon-reload, so many are enabled.
    private static let enabled = 28
    private static let names = ["LD_PRELOAD", "GODEBUG", "A", "B", "C_1"]
    private static let managed = ["B": "\u{301}of the 'manager' $x", "C_1": "tab\tand\nline"]

    @Test(
        "what systemd reads is what mptcpize believes, and enable loses nothing of it",
        arguments: ServiceMachine.System.allCases)
    func sameAsSystemd(_ system: ServiceMachine.System) throws {
        // Other units on each.
        let place = ServiceMachine.System.allCases.firstIndex(of: system)!
        var generator = UnitFileGenerator(seed: Self.seed &* 3 &+ UInt64(place))
        for start in stride(from: 0, to: Self.count, by: 300) {
            let machine = try ServiceMachine(system)
            try machine.must(
                "systemctl set-environment B=\"$(printf '\\314\\201')of the 'manager' \\$x\" "
                    + "C_1=\"$(printf 'tab\\tand\\nline')\"")
            let made = (start..<min(start + 300, Self.count)).map { generator.unit($0) }
            let units = try GeneratedUnits(made, on: machine)
            let before = try units.environments(of: units.loaded)
            #expect(before.count > made.count / 2)
            for unit in units.loaded {
                if let variables = before[unit.name] { compare(unit, variables, units) }
            }
            try enable(units, before)
        }
    }

    private func compare(
        _ unit: GeneratedUnit, _ variables: [String: [UInt8]], _ units: GeneratedUnits
    ) {
        let belief = units.belief(unit, manager: Self.managed)
        for name in Self.names {
            let values = belief.values(of: name)
            let expanded = values.map { value in
                value.map { GeneratedUnits.expanded($0, in: unit.name) }
            }
            // A specifier that is only systemd's to know.
            if expanded.contains(.some(nil)) { continue }
            let texts = expanded.map { $0 ?? nil }
            let isKnown = texts.contains(variables[name])
            #expect(
                isKnown,
                "\(unit.name): \(name): \(texts.map { $0?.text }) and not \(variables[name]?.text ?? "unset")"
            )
        }
    }

    /// Enables what can be enabled, has a look, and disables it again.
    private func enable(
        _ units: GeneratedUnits, _ before: [String: [String: [UInt8]]]
    ) throws {
        let machine = units.machine
        let running = units.loaded.filter { before[$0.name] != nil }
        let candidates = running.prefix(Self.enabled)
        let names = candidates.map { "'\($0.name)'" }.joined(separator: " ")
        let places = "/etc/systemd /run/systemd/system /etc/default"
        let files = try machine.unitFiles(below: places)
        let refusals = try machine.must(
            """
            echo \(names) | xargs -n 1 -P 2 sh -c \
                'e=$(mptcpize enable --dry-run "$0" 2>&1 >/dev/null) || echo "refused $0: $e"'
            """)
        let accepted = candidates.map(\.name).filter { !refusals.contains("refused \($0): ") }
        #expect(accepted.count > candidates.count / 2, "\(refusals)")
        let list = accepted.map { "'\($0)'" }.joined(separator: " ")
        let enabled = try machine.run("mptcpize enable \(list)")
        #expect(enabled.succeeded, "\(enabled)")
        // Some others too, which have nothing to do with it.
        let after = try units.environments(of: Array(running.prefix(Self.enabled + 5)))
        for name in accepted {
            guard let old = before[name], let new = after[name] else {
                Issue.record("\(name) no longer starts")
                continue
            }
            compare(old, new, name)
        }
        for (name, variables) in after where !accepted.contains(name) {
            #expect(variables == before[name], "\(name), which is not enabled")
        }
        let disabled = try machine.run("mptcpize disable \(list)")
        #expect(disabled.succeeded, "\(disabled)")
        #expect(try machine.unitFiles(below: places) == files)
    }

    /// The administrator's libraries come first and in their order; nothing else has changed.
    private func compare(_ old: [String: [UInt8]], _ new: [String: [UInt8]], _ unit: String) {
        func text(_ variables: [String: [UInt8]], _ name: String) -> String {
            (variables[name] ?? []).text
        }
        let libraries = entries(text(old, "LD_PRELOAD"), " :")
        let now = entries(text(new, "LD_PRELOAD"), " :")
        let note = "\(unit): \(text(old, "LD_PRELOAD")) → \(text(new, "LD_PRELOAD"))"
        #expect(now.starts(with: libraries) || isWithin(libraries, now), "\(note)")
        #expect(now.contains { $0.hasSuffix("/libmptcpize.so") }, "\(note)")
        let settings = entries(text(old, "GODEBUG"), ",")
        let settingsNow = entries(text(new, "GODEBUG"), ",")
        #expect(isWithin(settings, settingsNow), "\(unit): \(settings) → \(settingsNow)")
        #expect(settingsNow.contains { $0.hasPrefix("multipathtcp=") }, "\(unit): \(settingsNow)")
        let ours = ["LD_PRELOAD", "GODEBUG"]
        #expect(
            old.filter { !ours.contains($0.key) } == new.filter { !ours.contains($0.key) },
            "\(unit)")
    }

    private func entries(_ text: String, _ separators: String) -> [String] {
        text.split(whereSeparator: { separators.contains($0) }).map(String.init)
    }

    /// Whether a list is there in its order, with others in between.
    private func isWithin(_ list: [String], _ whole: [String]) -> Bool {
        var rest = list[...]
        for entry in whole where entry == rest.first { rest = rest.dropFirst() }
        return rest.isEmpty
    }
}
