import Foundation
import LinuxSystem
import TestSupport
import Testing

@testable import SystemdUnits

/// Generated services, put into a machine, and what became of them there.
struct GeneratedUnits {
    let machine: ServiceMachine
    let units: [GeneratedUnit]
    /// What `systemctl show` says of each, without any drop-in of mptcpize's.
    private(set) var properties: [String: UnitProperties] = [:]

    init(_ units: [GeneratedUnit], on machine: ServiceMachine) throws {
        self.units = units
        self.machine = machine
        let tree = "\(machine.machine.share)/tree"
        let files = FileManager.default
        func place(_ path: String) throws -> String {
            let place = tree + path
            try files.createDirectory(
                atPath: (place as NSString).deletingLastPathComponent,
                withIntermediateDirectories: true)
            return place
        }
        for unit in units {
            for (path, bytes) in unit.files {
                try Data(bytes).write(to: URL(fileURLWithPath: place(path)))
            }
            for (path, target) in unit.links {
                try files.createSymbolicLink(atPath: place(path), withDestinationPath: target)
            }
        }
        try machine.must(
            "cp -a /tmp/share/tree/. /; rm -r /tmp/share/tree; systemctl daemon-reload")
        for block in UnitProperties.blocks(try machine.must("systemctl show -- \(names)")) {
            properties[block["Id"]] = block
        }
    }

    private var names: String { units.map { "'\($0.name)'" }.joined(separator: " ") }

    var loaded: [GeneratedUnit] { units.filter { properties[$0.name]?["LoadState"] == "loaded" } }

    /// Starts them, and tells what environment each was started with: not those that systemd would
    /// not start, for want of an environment file.
    func environments(
        of started: [GeneratedUnit]
    ) throws -> [String: [String: [UInt8]]] {
        let names = started.map { "'\($0.name)'" }.joined(separator: " ")
        try machine.must(
            """
            rm -rf /run/environ /tmp/share/environ; mkdir /run/environ
            systemctl reset-failed
            systemctl start -- \(names) 2>/run/start.errors || true
            cp -a /run/environ /tmp/share/
            """)
        var result: [String: [String: [UInt8]]] = [:]
        for unit in started {
            let path = "\(machine.machine.share)/environ/\(unit.name)"
            guard let bytes = FileManager.default.contents(atPath: path), !bytes.isEmpty else {
                continue
            }
            var variables: [String: [UInt8]] = [:]
            for entry in bytes.split(separator: 0) {
                let equals = entry.firstIndex(of: UInt8(ascii: "=")) ?? entry.endIndex
                variables[String(decoding: entry[..<equals], as: UTF8.self)] =
                    Array(entry[equals...].dropFirst())
            }
            // Different at each start.
            for name in ["INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID"] {
                variables[name] = nil
            }
            result[unit.name] = variables
        }
        return result
    }

    /// What mptcpize reads from a unit's files, with no help of systemd's but their names.
    func belief(_ unit: GeneratedUnit, manager: [String: String]) -> UnitEnvironment {
        let properties = properties[unit.name]!
        func source(_ shown: String) -> UnitEnvironment.Source? {
            // Where /lib is a link, systemd comes by either way.
            let path = shown.hasPrefix("/lib/") ? "/usr" + shown : shown
            let bytes = unit.links[path] == nil ? unit.files[path] : []
            return bytes.map { .init(path: path, bytes: $0) }
        }
        let paths = [properties["FragmentPath"]] + properties.words("DropInPaths")
        let named = properties.environmentFiles.flatMap { entry in
            guard entry.pattern.hasSuffix("*.env") else { return [entry.pattern] }
            let stem = entry.pattern.dropLast("*.env".count)
            return unit.files.keys.filter { $0.hasPrefix(stem) && $0.hasSuffix(".env") }.sorted()
        }
        return UnitEnvironment(
            files: paths.compactMap { source($0) },
            environmentFiles: named.compactMap { source($0) },
            manager: manager)
    }

    /// A value with the specifiers expanded that the generator knows; nil where there are others.
    static func expanded(_ assignment: UnitEnvironment.Assignment, in unit: String) -> [UInt8]? {
        guard assignment.hasSpecifiers else { return Array(assignment.value.utf8) }
        let stem = unit.dropLast(".service".count)
        let parts = stem.split(separator: "@", maxSplits: 1)
        let known: [UInt8: String] = [
            UInt8(ascii: "%"): "%", UInt8(ascii: "n"): unit, UInt8(ascii: "p"): String(parts[0]),
            UInt8(ascii: "i"): parts.count > 1 ? String(parts[1]) : "", UInt8(ascii: "h"): "/root",
        ]
        var result: [UInt8] = []
        var rest = Array(assignment.value.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"), let next = rest.first else {
                result.append(byte)
                continue
            }
            if let text = known[next] {
                result += text.utf8
                rest = rest.dropFirst()
            } else if Specifiers.literal("%\(Character(Unicode.Scalar(next)))") == nil {
                return nil
            } else {
                result.append(byte)
            }
        }
        return result
    }
}
