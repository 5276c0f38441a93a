import LinuxSystem

/// The name of a systemd unit: "nginx.service", a template "foo@.service", an
/// instance "foo@a.service", "ssh.socket".
///
/// Only names that are valid to systemd can be made, so that a name can be a file
/// name and an argument of systemctl without further ado.
package struct UnitName: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// The part after the last dot; says what the unit is.
    package var suffix: Substring { description[description.index(after: lastDot)...] }

    /// systemd.unit(5).
    private static let suffixes: Set<Substring> = [
        "service", "socket", "target", "device", "mount", "automount", "swap", "timer",
        "path", "slice", "scope",
    ]
    /// UNIT_NAME_MAX of systemd, its NUL left out.
    private static let longest = 255

    /// A complete name; nil when systemd would not take it.
    package init?(_ name: some StringProtocol) {
        let allowed = { (byte: UInt8) in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: ":-_.\\@".utf8.contains(byte)
            }
        }
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex,
            Self.suffixes.contains(Substring(name[name.index(after: dot)...])),
            name.utf8.allSatisfy(allowed), name.utf8.count <= Self.longest,
            name.first != "@", name.first != "."
        else { return nil }
        description = String(name)
    }

    /// What the user typed as a unit: a name, with ".service" left out or not. (A path to
    /// a unit's file is `UnitArgument`'s.)
    ///
    /// - Throws: `Failure` of status usage.
    package init(typed: String) throws(Failure) {
        if let name = UnitName(typed) {
            self = name
        } else if let name = UnitName(typed + ".service") {
            self = name
        } else if typed.contains(where: { "*?[".contains($0) }) {
            throw Failure(
                .usage, typed, "patterns are not expanded",
                remedy: "name each unit; `systemctl list-units` lists them")
        } else {
            throw Failure(
                .usage, typed, "is not a unit name",
                remedy: "`systemctl list-unit-files` lists all names")
        }
    }

    package var isService: Bool { suffix == "service" }
    package var isSocket: Bool { suffix == "socket" }
    package var isSlice: Bool { suffix == "slice" }

    /// "foo@.service": no unit by itself, but settings for all its instances.
    package var isTemplate: Bool { description[..<lastDot].hasSuffix("@") }

    /// The template of an instance, nil for anything else.
    package var template: UnitName? {
        guard let at = description.firstIndex(of: "@"), !isTemplate else { return nil }
        return UnitName("\(description[...at])\(description[lastDot...])")
    }

    /// An instance of this template.
    package func instance(_ name: String) -> UnitName? {
        isTemplate ? UnitName("\(description[..<lastDot])\(name)\(description[lastDot...])") : nil
    }

    /// What systemctl matches this template's instances by.
    var instancePattern: String? {
        guard isTemplate else { return nil }
        // In a pattern, a backslash takes the next character as it is.
        let literal = description[..<lastDot].split(
            separator: "\\", omittingEmptySubsequences: false
        ).joined(separator: "\\\\")
        return "\(literal)*\(description[lastDot...])"
    }

    /// The unit of the same name and another suffix: ssh.service's ssh.socket.
    package func sibling(_ suffix: String) -> UnitName? {
        UnitName("\(description[..<lastDot]).\(suffix)")
    }

    /// The name as it is to be typed in a shell.
    package var typed: String { description.contains("\\") ? "'\(description)'" : description }

    /// The name of the directory that holds its drop-ins.
    package var dropInDirectory: String { description + ".d" }

    private var lastDot: String.Index { description.lastIndex(of: ".")! }
}

/// What a verb was given as UNIT: a name, or the path of a unit's file, as the
/// established mptcpize takes it.
package struct UnitArgument: Sendable {
    package let name: UnitName
    /// The file that was named; systemd must be using this very one.
    package let file: String?

    /// - Throws: `Failure` of status usage.
    package init(_ argument: String) throws(Failure) {
        guard let slash = argument.lastIndex(of: "/") else {
            name = try UnitName(typed: argument)
            file = nil
            return
        }
        guard let name = UnitName(argument[argument.index(after: slash)...]) else {
            throw Failure(
                .usage, argument, "is not the path of a unit's file",
                remedy: "give the unit's name, such as nginx.service")
        }
        self.name = name
        file = argument
    }
}
