import TestSupport

/// A service and all its files, as a seed makes them: every oddity that systemd reads somehow.
struct GeneratedUnit {
    let name: String
    /// Their contents, by their paths.
    var files: [String: [UInt8]] = [:]
    /// Symbolic links.
    var links: [String: String] = [:]
}

/// Makes services out of numbers. Those that stop systemd reading a file come rarely in a unit's
/// main file, which would not be loaded then.
struct UnitFileGenerator {
    private(set) var random: SeededGenerator
    private static let directories = [
        "/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system",
    ]

    init(seed: UInt64) { random = SeededGenerator(state: seed) }

    mutating func unit(_ index: Int) -> GeneratedUnit {
        let base = "g\(index)-x"
        let isInstance = chance(20)
        let name = isInstance ? "\(base)@in-st.service" : "\(base).service"
        let file = isInstance ? "\(base)@.service" : name
        var unit = GeneratedUnit(name: name)
        let place = Int.random(in: 0..<3, using: &random)
        unit.files["\(Self.directories[place])/\(file)"] = fragment(index)
        // Hidden by the one before.
        if place < 2, chance(10) {
            unit.files["\(Self.directories[place + 1])/\(file)"] = fragment(index)
        }
        var folders = ["\(name).d", "g\(index)-.service.d"]
        if isInstance { folders.append("\(file).d") }
        if !isInstance, chance(15) {
            unit.links["/etc/systemd/system/alias\(index).service"] = name
            folders.append("alias\(index).service.d")
        }
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let path =
                "\(one(Self.directories))/\(one(folders))/"
                + one(["10-a", "50-a", "50-n", "90-z", "Z", "override", "é"]) + ".conf"
            if chance(5) {
                unit.links[path] = "/dev/null"
            } else if unit.links[path] == nil {
                unit.files[path] = dropIn(index)
            }
        }
        unit.files = unit.files.filter { unit.links[$0.key] == nil }
        for file in ["", ".a.env", ".b.env"] where chance(60) {
            unit.files["/etc/default/g\(index)\(file)"] = environmentFile()
        }
        return unit
    }

    // MARK: Unit files

    private mutating func fragment(_ index: Int) -> [UInt8] {
        var lines = [
            "[Unit]", "Description=generated", "[Service]", "Type=oneshot", "StandardError=null",
            "StandardOutput=file:/run/environ/%n", "ExecStart=/usr/bin/env -0",
        ].map { [UInt8]($0.utf8) }
        lines += body(index, stops: 1)
        return joined(lines)
    }

    private mutating func dropIn(_ index: Int) -> [UInt8] {
        let header = chance(95) ? ["[Service]"] : ["Environment=LD_PRELOAD=/opt/outside.so"]
        return joined(header.map { [UInt8]($0.utf8) } + body(index, stops: 6))
    }

    private mutating func body(_ index: Int, stops: Int) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            lines += continued(chance(stops) ? stop() : line(index))
        }
        return lines
    }

    /// What ends the reading of a file, in some release at least.
    private mutating func stop() -> [UInt8] {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: Array("[Service] ; more".utf8)
        case 1: Array("[Serv\"ice]".utf8)
        case 2: Array("[Un\\known]".utf8)
        case 3: Array("X=\u{FFFF}".utf8)
        case 4: [0xFF] + Array("=1".utf8)
        default: Array("# ".utf8) + [UInt8](repeating: 0x78, count: (1 << 20) - one([1, 2, 3]))
        }
    }

    private mutating func line(_ index: Int) -> [UInt8] {
        let equals = Array(one(["=", "=", "=", " = ", "=\t"]).utf8)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<50:
            let key =
                chance(96) ? "Environment" : one(["environment", "Environment ", "Environmen"])
            let words = (0..<Int.random(in: 1...3, using: &random)).map { _ in word() }
            return key.utf8 + equals + words.joined(separator: Array(one([" ", "  ", "\t"]).utf8))
        case 50..<57: return Array("Environment".utf8) + equals
        case 57..<67:
            let path = one([
                "-/etc/default/g\(index)", "/etc/default/g\(index)",
                "-/etc/default/g\(index).*.env",
                "-etc/default/g\(index)", "-/etc/default/nothing", "-/etc/default//./g\(index)",
                "-/etc/default/../default/g\(index)", "-%E/default/g\(index).a.env", "",
            ])
            return "EnvironmentFile".utf8 + equals + path.utf8
        case 67..<73:
            return "UnsetEnvironment".utf8 + equals
                + one([
                    "LD_PRELOAD", "LD_PRELOAD=/opt/a.so", "A B", "\"C_1\" GODEBUG", "",
                    "LD\\x5fPRELOAD", "A=%n", "1X",
                ]).utf8
        case 73..<77:
            return Array(one(["PassEnvironment=TERM container", "PassEnvironment="]).utf8)
        case 77..<84: return Array(one(["# a \\", "; b", "#Environment=A=1", "  # c \\"]).utf8)
        case 84..<88: return Array("[Service]".utf8)
        case 88..<91: return Array(one(["[X-Own]", "[Install]", "[Nobody]", "[service]"]).utf8)
        case 91..<94: return Array(one(["nothing", "=x", "A", " "]).utf8)
        default: return Array(one(["User=root", "Nice=0", "Unknown=1", "X-Own=2"]).utf8)
        }
    }

    private static let names = [
        "LD_PRELOAD", "LD_PRELOAD", "LD_PRELOAD", "GODEBUG", "A", "B", "C_1",
    ]

    private mutating func word() -> [UInt8] {
        let name = chance(94) ? one(Self.names) : one(["1X", "É", "", "LD_PRELOAD ", "LD_%p"])
        let value = value(name == "GODEBUG" ? ["x=1", "y=2,z=3", "multipathtcp=1"] : Self.pieces)
        let both = name.utf8 + [UInt8(ascii: "=")] + value
        let (double, single) = ([UInt8(ascii: "\"")], [UInt8(ascii: "'")])
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<8: return both
        case 8..<12: return double + both + double
        case 12..<14: return single + both + single
        case 14..<16: return name.utf8 + [UInt8(ascii: "=")] + double + value + double
        case 16: return name.utf8 + [UInt8(ascii: "=")] + single + value + single + value
        case 17: return both.prefix(4) + double + both.dropFirst(4) + double
        case 18: return double + both + double + single + value + single
        default: return double + both
        }
    }

    private static let pieces = [
        "/opt/a.so", "/opt/b.so", "/opt/a.so:/opt/c.so", "/opt/d.so /opt/e.so", "/opt/%n.so",
        "/opt/%i/x.so", "/opt/f.so", "/usr/local/lib/g.so", "é", "", "%%", "%", "%h/h.so", "%q",
        "%-", "e\u{301}", "\u{301}", "two words", "$HOME", "`x`", "'", "\"", "\\n", "\\x41", "\\x",
        "\\x25n", "\\xff", "\\xc3\\xa9", "\\u00e9", "\\ud800", "\\U0001F600", "\\Uffffffff",
        "\\101", "\\777", "\\000", "\\s", "\\$", "\\q", "\\", "\\\\", "\\'", "\\\"", "\t", "\u{B}",
        "\u{C}", "#", ";", "=", "[v]", "*", "\u{7F}", "\u{1}",
    ]

    private mutating func value(_ pieces: [String]) -> [UInt8] {
        var result: [UInt8] = []
        for _ in 0..<one([1, 1, 1, 1, 2, 3]) {
            // The first ones are what people write.
            result += one(chance(60) ? Array(pieces.prefix(8)) : pieces).utf8
        }
        return result
    }

    /// The line, or what continues it in several, with whatever may stand between them.
    private mutating func continued(_ line: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = [[]]
        for byte in line {
            guard byte == 0x20, line.count < 4096, chance(25) else {
                lines[lines.count - 1].append(byte)
                continue
            }
            lines[lines.count - 1] += Array(one(["\\", " \\", " \\\\\\", " \\ ", "\\\\"]).utf8)
            if chance(30) {
                lines.append(Array(one(["# in between", "; so \\", "  #\\", ""]).utf8))
            }
            lines.append(Array(one(["", "  ", "\u{FEFF}"]).utf8))
        }
        return lines
    }

    // MARK: Environment files

    private mutating func environmentFile() -> [UInt8] {
        var lines: [[UInt8]] = []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            if chance(20) {
                let comment = [
                    "# a", "; b", "# c \\", "  ; d \\", "#\\", "nothing", "=A=1", "= \"x",
                ]
                lines.append(Array(one(comment).utf8))
                continue
            }
            let name = one([
                "LD_PRELOAD", "A", "B", "GODEBUG", "export A", "1X", "LD_PRELOAD ", "É",
            ])
            var value: [UInt8] = []
            for _ in 0..<one([1, 1, 2]) {
                value +=
                    one([
                        "/opt/a.so", "/opt/b.so", "\"/opt/c.so\"", "'/opt/d.so /opt/e.so'",
                        "two words",
                        "\"a\\\"b\\$c\\q\"", "'x", "\"y", " ", "\\", "a\\ b", "\\x41", "#", ";",
                        "é", "$A",
                        "\"first\nsecond\"", "one\\\n two", "\"one\\\ntwo\"", "\t", "\u{301}",
                        "\\\\", "%n",
                    ]).utf8
            }
            if chance(2) { value.append(0xFF) }
            let start = one(["", " ", "\t"]) + name + one(["=", "= ", " ="])
            lines.append(start.utf8 + value)
        }
        return joined(lines, zeros: chance(2))
    }

    // MARK: Lines

    /// Lines with the ends that one system gives them, or with all kinds.
    private mutating func joined(_ lines: [[UInt8]], zeros: Bool = true) -> [UInt8] {
        let style = Int.random(in: 0..<10, using: &random)
        let all = ["\n", "\r", "\r\n", "\n\r"] + (zeros ? ["\0", "\n\0", "\r\n\0"] : [])
        var result: [UInt8] = chance(8) ? [0xEF, 0xBB, 0xBF] : []
        for (index, line) in lines.enumerated() {
            if index > 0, chance(2) { result += [0xEF, 0xBB, 0xBF] }
            result += line
            if index == lines.count - 1, chance(20) {
                if chance(30) { result.append(UInt8(ascii: "\\")) }
                break
            }
            switch style {
            case 0..<5: result += "\n".utf8
            case 5, 6: result += "\r\n".utf8
            case 7: result += "\r".utf8
            default: result += one(all).utf8
            }
        }
        return result
    }

    private mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &random) < percent
    }

    private mutating func one<Element>(_ choices: [Element]) -> Element {
        choices[Int.random(in: 0..<choices.count, using: &random)]
    }
}
