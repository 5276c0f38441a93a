import LinuxSystem

/// What systemd itself says of a unit: the output of `systemctl show`, which is
/// promised to stay parsable.
package struct UnitProperties: Sendable, Equatable {
    private var lines: [String: [String]] = [:]

    /// - Parameter text: "Name=value" a line; a property with several entries has
    ///   several lines; an empty one may be left out.
    package init(parsing text: some StringProtocol) {
        for bytes in String(text).utf8.split(separator: 0x0A) {
            let line = Substring(bytes)
            guard let equals = line.utf8.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let value = String(line[line.utf8.index(after: equals)...])
            if !value.isEmpty { lines[String(line[..<equals]), default: []].append(value) }
        }
    }

    /// Several units' properties: blocks with an empty line between them.
    package static func blocks(_ text: String) -> [UnitProperties] {
        var blocks: [String] = [""]
        for line in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false) {
            if line.isEmpty {
                blocks.append("")
            } else {
                blocks[blocks.count - 1] += Substring(line) + "\n"
            }
        }
        return blocks.filter { !$0.isEmpty }.map { UnitProperties(parsing: $0) }
    }

    /// The value of a property; empty where it is not set, or not known to this systemd.
    package subscript(_ name: String) -> String { lines[name]?.first ?? "" }

    /// All lines of a property.
    package func all(_ name: String) -> [String] { lines[name] ?? [] }

    /// A property that is a list of words, quoted as in a shell.
    package func words(_ name: String) -> [String] { UnitWords.split(self[name]) }

    /// A property that is a list of "NAME=value".
    package func assignments(_ name: String) -> [String: String] {
        let pairs = words(name).compactMap { SystemdText.assignment(Bytes($0.utf8)) }
        return Dictionary(pairs.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }

    package func isTrue(_ name: String) -> Bool { self[name] == "yes" }

    /// Whether the unit runs, or is about to.
    package var isActive: Bool {
        ["active", "reloading", "activating"].contains(self["ActiveState"])
    }

    /// The programs of ExecStart=: "{ path=/usr/sbin/nginx ; argv[]=… ; … }".
    package var programs: [String] {
        all("ExecStart").compactMap { line in
            guard line.hasPrefix("{ path="), let end = line.firstRange(of: " ; argv[]=") else {
                return nil
            }
            return String(line[line.index(line.startIndex, offsetBy: 7)..<end.lowerBound])
        }
    }

    /// The command lines of ExecStart=, split at spaces: systemd shows them unquoted.
    var commands: [[Bytes]] {
        zip(programs, all("ExecStart")).map { program, line in
            let start = line.firstRange(of: " ; argv[]=")!.upperBound
            let rest = line[start...]
            let end = rest.firstRange(of: " ; ignore_errors=")?.lowerBound ?? rest.endIndex
            let words = rest[..<end].split(separator: " ").map { Bytes($0.utf8) }
            return [Bytes(program.utf8)] + words.dropFirst()
        }
    }

    /// The files of EnvironmentFile=, in their order, specifiers expanded.
    package var environmentFiles: [(pattern: String, isOptional: Bool)] {
        all("EnvironmentFiles").compactMap { line in
            guard let note = line.lastRange(of: " (ignore_errors=") else { return nil }
            return (String(line[..<note.lowerBound]), line[note.upperBound...] == "yes)")
        }
    }

    /// What a socket unit listens on: "0.0.0.0:22 (Stream)".
    package var listeners: [(address: String, type: String)] {
        all("Listen").compactMap { line in
            guard let open = line.lastRange(of: " (") else { return nil }
            return (String(line[..<open.lowerBound]), String(line[open.upperBound...].dropLast()))
        }
    }
}

extension StringProtocol {
    /// Where a text stands first; the C library's and Foundation's searches are not at hand.
    package func firstRange(of text: String) -> Range<Index>? {
        indices.lazy.first { self[$0...].hasPrefix(text) }
            .map { $0..<index($0, offsetBy: text.count) }
    }

    func lastRange(of text: String) -> Range<Index>? {
        indices.reversed().lazy.first { self[$0...].hasPrefix(text) }
            .map { $0..<index($0, offsetBy: text.count) }
    }
}
