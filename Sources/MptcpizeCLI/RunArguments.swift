import MptcpizeCore

/// The command line of `mptcpize run`, split into its own options and the program's.
///
/// Read here and not by ArgumentParser, for three reasons: the program's name and
/// arguments are bytes, which a `String` would repair; everything from the program
/// on is the program's, `--help` and a second `--` included; and ArgumentParser
/// alone takes as long as starting a program does. `RunCommand` declares the same
/// options to ArgumentParser for the help; a test holds the two together.
struct RunArguments: Equatable {
    var strict = false
    /// How the program is watched; nil: not at all, nothing stays behind.
    var watch: SupervisorOptions?
    var mode = Mode.auto
    var help = false
    /// The program and its arguments, untouched.
    var program: [Bytes] = []

    /// How the program's sockets are made MPTCP.
    enum Mode: String, CaseIterable {
        case auto, preload
    }

    /// - Parameter words: What follows "run".
    /// - Throws: A usage failure, also when no program is given and no help is asked for.
    init(_ words: [Bytes]) throws(Failure) {
        var rest = words[...]
        options: while let word = rest.first, word.count > 1, word[0] == UInt8(ascii: "-") {
            rest.removeFirst()
            let (name, attached) = Self.split(word)
            switch name {
            case "--":
                break options
            case "--strict":
                strict = true
            case "-d", "--debug":
                watching.debug = true
            case "--report":
                watching.report = watching.report ?? .text
            case "--json":
                watching.report = .json
            case "-o", "--output":
                watching.report = watching.report ?? .text
                watching.output = try Self.value(of: name, attached, &rest)
                continue
            case "--mode":
                mode = try Self.mode(try Self.value(of: name, attached, &rest))
                continue
            case "-h", "--help":
                help = true
                return
            default:
                throw Self.usage(
                    "unknown option \(name)",
                    remedy: "write -- before a program of such a name, or see `mptcpize run --help`"
                )
            }
            if attached != nil { throw Self.usage("option \(name) takes no value") }
        }
        program = Array(rest)
        guard !program.isEmpty else { throw Self.usage("no program given") }
    }

    private var watching: SupervisorOptions {
        get { watch ?? SupervisorOptions() }
        set { watch = newValue }
    }

    /// The name of an option, and the value that is written in the same word.
    private static func split(_ word: Bytes) -> (name: String, value: Bytes?) {
        if word.starts(with: "--".utf8) {
            guard let equals = word.firstIndex(of: UInt8(ascii: "=")) else {
                return (String(decoding: word, as: UTF8.self), nil)
            }
            let name = String(decoding: word[..<equals], as: UTF8.self)
            return (name, Bytes(word[(equals + 1)...]))
        }
        return (String(decoding: word, as: UTF8.self), nil)
    }

    private static func value(
        of option: String, _ attached: Bytes?, _ rest: inout ArraySlice<Bytes>
    ) throws(Failure) -> Bytes {
        if let attached { return attached }
        guard let next = rest.popFirst() else { throw usage("option \(option) needs a value") }
        return next
    }

    private static func mode(_ value: Bytes) throws(Failure) -> Mode {
        let text = String(decoding: value, as: UTF8.self)
        guard let mode = Mode(rawValue: text) else {
            let known = Mode.allCases.map(\.rawValue).joined(separator: ", ")
            throw usage("unknown mode \(text)", remedy: "choose one of \(known)")
        }
        return mode
    }

    private static func usage(
        _ reason: String, remedy: String = "see `mptcpize run --help`"
    ) -> Failure {
        Failure(.usage, "run", reason, remedy: remedy)
    }
}
