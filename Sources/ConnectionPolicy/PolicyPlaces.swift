import Glibc
import LinuxSystem

/// Where rules come from, and in which order.
package struct PolicyPlaces: Sendable, Equatable {
    package enum Files: Sendable, Equatable {
        /// The user's own, then the system's.
        case places
        case none
        case file(Bytes)
    }

    /// The system's.
    package static let folder = "/etc/mptcpize"

    /// Which files are read.
    package var files = Files.places
    /// Rules that go before all files', a line each.
    package var rules: [Bytes] = []
    /// One rule before all: everything stays TCP.
    package var keepsTCP = false

    package init() {}

    /// Whether it is what is without any option.
    package var isUsual: Bool { self == PolicyPlaces() }

    /// The options that say the same, for a shell.
    package var options: [String] {
        func quoted(_ bytes: Bytes) -> String {
            "'"
                + bytes.text.split(separator: "'", omittingEmptySubsequences: false)
                .joined(separator: "'\\''") + "'"
        }
        return words.map { $0.starts(with: "--".utf8) ? $0.text : quoted($0) }
    }

    /// The same, word by word.
    package var words: [Bytes] {
        let none = Bytes("none".utf8)
        let file: [Bytes] =
            switch files {
            case .places: []
            case .none: [Bytes("--policy".utf8), none]
            case .file(let path): [Bytes("--policy".utf8), path]
            }
        return file + rules.flatMap { [Bytes("--rule".utf8), $0] }
            + (keepsTCP ? [Bytes("--keep-tcp".utf8)] : [])
    }

    /// The same from any folder.
    package var absolute: PolicyPlaces {
        var result = self
        if case .file(let path) = files { result.files = .file(Self.absolute(path)) }
        return result
    }

    /// Of `--policy`: a file, or "none".
    package mutating func setFiles(_ value: Bytes) {
        files = value == Bytes("none".utf8) ? .none : .file(value)
    }

    /// The policy that is in force here and now.
    ///
    /// - Parameters:
    ///   - environment: where the user's folder is named: XDG_CONFIG_HOME, HOME.
    ///   - status: of failures.
    /// - Throws: `Failure` for a file that cannot be read, or must not be followed, and for
    ///   the first thing in it that is no rule.
    package func policy(
        environment: (String) -> Bytes?, status: Failure.Status
    ) throws(Failure) -> Policy {
        var result: [PolicyRule] = []
        if keepsTCP {
            let keep = PolicyParser(file: PolicyOrigin.keepOption, status: status)
            result += try keep.rules(Bytes("tcp any * *".utf8))
        }
        let options = PolicyParser(file: PolicyOrigin.ruleOption, status: status)
        for (index, line) in rules.enumerated() {
            guard !line.contains(0x0A), let rule = try options.rule(line, number: index + 1) else {
                throw Failure(
                    status, "--rule", "'\(line.text)' is not one rule",
                    remedy: "write ACTION DIRECTION ADDRESS PORTS, for example "
                        + "--rule 'tcp connect loopback *'")
            }
            result.append(rule)
        }
        for file in try paths(environment, status) {
            result += try PolicyParser(file: file, status: status)
                .rules(try Self.content(file, status))
        }
        return try Policy(result, status: status)
    }

    /// A variable of this process.
    package static func ownEnvironment(_ name: String) -> Bytes? {
        getenv(name).map { Bytes(cString: $0) }
    }

    private func paths(
        _ environment: (String) -> Bytes?, _ status: Failure.Status
    ) throws(Failure) -> [Bytes] {
        switch files {
        case .none: return []
        case .file(let path): return [path]
        case .places:
            var result: [Bytes] = []
            // HOME may be somebody else's, after su for example: what cannot be looked for there
            // is not this user's.
            if geteuid() != 0, let own = Self.userFile(environment), access(own.cString, F_OK) == 0
            {
                result = [own]
            }
            let system = Bytes("\(Self.folder)/policy.conf".utf8)
            // A link that leads nowhere is a file that cannot be read.
            let isThere = faccessat(AT_FDCWD, system.cString, F_OK, AT_SYMLINK_NOFOLLOW) == 0
            if isThere || errno != ENOENT { result.append(system) }
            return result + (try Self.parts(status))
        }
    }

    /// The user's own file.
    private static func userFile(_ environment: (String) -> Bytes?) -> Bytes? {
        let slash = UInt8(ascii: "/")
        // The specification has relative paths ignored.
        if let folder = environment("XDG_CONFIG_HOME"), folder.first == slash {
            return folder + "/mptcpize/policy.conf".utf8
        }
        guard let home = environment("HOME"), home.first == slash else { return nil }
        return home + "/.config/mptcpize/policy.conf".utf8
    }

    /// The files of the system's policy.d.
    private static func parts(_ status: Failure.Status) throws(Failure) -> [Bytes] {
        let path = "\(folder)/policy.d"
        do throws(Errno) {
            let names = try Descriptor.open(path, O_RDONLY | O_DIRECTORY).entries()
            return names.filter { $0.hasSuffix(".conf") && !$0.hasPrefix(".") }
                .map { Bytes("\(path)/\($0)".utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        } catch {
            if error.rawValue == ENOENT { return [] }
            throw unreadable(Bytes(path.utf8), error, status)
        }
    }

    private static func content(
        _ path: Bytes, _ status: Failure.Status
    ) throws(Failure) -> Bytes {
        do throws(TrustedFile.Refusal) {
            // open(2) says the same; `absolute` would make it the working folder.
            guard !path.isEmpty else { throw TrustedFile.Refusal.error(Errno(rawValue: ENOENT)) }
            let file = geteuid() == 0 ? try TrustedFile.open(absolute(path)) : try opened(path)
            do throws(Errno) { return try file.readAll(limit: 1 << 20) } catch {
                throw .error(error)
            }
        } catch {
            switch error {
            case .error(let error): throw unreadable(path, error, status)
            case .untrusted(let object, let reason):
                throw Failure(
                    status, path.text,
                    "is not trusted: \(object == path ? "it" : object.text) \(reason)",
                    remedy: "root's rules must be in regular files that only root can write or "
                        + "replace")
            }
        }
    }

    private static func opened(_ path: Bytes) throws(TrustedFile.Refusal) -> Descriptor {
        do throws(Errno) {
            let file = try Descriptor.open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK)
            var status = stat()
            guard fstat(file.number, &status) == 0 else { throw Errno.last }
            if status.st_mode & S_IFMT == S_IFREG { return file }
            if status.st_mode & S_IFMT == S_IFDIR { throw Errno(rawValue: EISDIR) }
        } catch {
            throw .error(error)
        }
        throw .untrusted(path, "is not a regular file")
    }

    /// The path as it is from everywhere.
    private static func absolute(_ path: Bytes) -> Bytes {
        if path.first == UInt8(ascii: "/") { return path }
        guard let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return Bytes(cString: folder) + "/".utf8 + path
    }

    private static func remedy(_ error: Errno) -> String {
        switch error.rawValue {
        case ENOENT: "use --policy none for no rules"
        case EISDIR: "give a file with rules"
        default: "mptcpize needs the rules before it starts anything"
        }
    }

    private static func unreadable(
        _ path: Bytes, _ error: Errno, _ status: Failure.Status
    ) -> Failure {
        Failure(
            status, path.text, "cannot be read: \(error.reasonInSentence)",
            remedy: remedy(error))
    }
}
