import ConnectionPolicy
import LinuxSystem

/// The command line of `mptcpize run`, split into its own options and the program's.
///
/// ArgumentParser does not read it, for three reasons. The program's name and
/// arguments are bytes, which a `String` would repair. All arguments after the
/// program belong to it, including `--help` and a second `--`. And ArgumentParser
/// alone takes as long as starting a program. `RunCommand` declares the same
/// options to ArgumentParser for the help; a test compares the two.
package struct RunArguments: Equatable {
    package var debug = false
    /// --json and -o ask for a report too: there is nothing else they could be about.
    package var report = false
    package var json = false
    package var output: Bytes?
    package var mode = Mode.auto
    package var strict = false
    package var protocolAsTCP = false
    /// Where the rules for what stays TCP come from.
    package var policy = PolicyPlaces()
    package var help = false
    /// The program and its arguments, untouched.
    package var program: [Bytes] = []

    /// How the program's sockets are made MPTCP.
    package enum Mode: String, CaseIterable {
        case auto, preload, bpf, seccomp

        // Not compared: == of raw values makes strings of both.

        /// Whether the environment is to make sockets MPTCP.
        package var preloads: Bool {
            switch self {
            case .auto, .preload: true
            case .bpf, .seccomp: false
            }
        }

        /// Whether a supervisor is to do so.
        package var supervises: Bool { if case .seccomp = self { true } else { false } }
    }

    /// - Parameter words: What follows "run".
    /// - Throws: A usage failure, also when no program is given and no help is asked for.
    package init(_ words: [Bytes]) throws(Failure) {
        var scanner = OptionScanner(words)
        while let option = try scanner.next() {
            switch option {
            case "-d", "--debug": debug = true
            case "--report": report = true
            case "--json": (report, json) = (true, true)
            case "-o", "--output": (report, output) = (true, try scanner.value())
            case "--mode": mode = try Self.mode(try scanner.value())
            case "--strict": strict = true
            case "--protocol-as-tcp": protocolAsTCP = true
            case "--policy": policy.setFiles(try scanner.value())
            case "--rule": policy.rules.append(try scanner.value())
            case "--keep-tcp": policy.keepsTCP = true
            case "-h", "--help":
                help = true
                return
            default:
                throw Self.usage(
                    "unknown option \(option)",
                    remedy: "write -- before a program of that name, or see `mptcpize run --help`")
            }
            try scanner.rejectUnusedValue()
        }
        program = scanner.rest
        guard !program.isEmpty else { throw Self.usage("no program given") }
        if protocolAsTCP, !mode.preloads {
            throw Self.usage(
                "--protocol-as-tcp needs the preload library, which the mode \(mode) does not use",
                remedy: "use --mode preload or auto")
        }
        if let output, output.isEmpty { throw Self.usage("option -o needs the name of a file") }
    }

    private static func mode(_ value: Bytes) throws(Failure) -> Mode {
        guard let mode = Mode(rawValue: value.text) else {
            let known = Mode.allCases.map { $0.rawValue }.joined(separator: ", ")
            throw usage("unknown mode \(value.text)", remedy: "choose one of \(known)")
        }
        return mode
    }

    package static func usage(
        _ reason: String, remedy: String = "see `mptcpize run --help`"
    ) -> Failure {
        Failure(.usage, "run", reason, remedy: remedy)
    }
}

/// Reads options as getopt_long(3) does, up to the first word that is none.
private struct OptionScanner {
    /// What no option has consumed.
    var rest: [Bytes] { Array(words) }

    private var words: ArraySlice<Bytes>
    /// The last option, for messages.
    private var option = ""
    /// The value written in the option's own word, after "=".
    private var attached: Bytes?
    /// What remains of a word of short options: further ones, or a value.
    private var cluster: ArraySlice<UInt8> = []

    init(_ words: [Bytes]) { self.words = words[...] }

    /// The name of the next option, with its dashes; nil behind the last.
    mutating func next() throws(Failure) -> String? {
        if let letter = cluster.popFirst() {
            option = Bytes([UInt8(ascii: "-"), letter]).text
            return option
        }
        // A single dash is no option.
        guard let word = words.first, word.count > 1, word[0] == UInt8(ascii: "-") else {
            return nil
        }
        words.removeFirst()
        guard word[1] == UInt8(ascii: "-") else {
            cluster = word[1...]
            return try next()
        }
        if word.count == 2 { return nil }
        let equals = word.firstIndex(of: UInt8(ascii: "="))
        attached = equals.map { Bytes(word[($0 + 1)...]) }
        option = Bytes(word[..<(equals ?? word.endIndex)]).text
        return option
    }

    /// The value of the option just read: in the same word, or the next word.
    mutating func value() throws(Failure) -> Bytes {
        if let value = attached {
            attached = nil
            return value
        }
        if !cluster.isEmpty {
            defer { cluster = [] }
            return Bytes(cluster)
        }
        guard let word = words.popFirst() else {
            throw RunArguments.usage("option \(option) needs a value")
        }
        return word
    }

    /// To be called after each option: "--report=yes" means nothing.
    func rejectUnusedValue() throws(Failure) {
        if attached != nil { throw RunArguments.usage("option \(option) takes no value") }
    }
}
