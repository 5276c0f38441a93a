import SocketEvents

/// A program that was started, and that the preload library did not come into
/// (MPTCPIZE_UNREACHED).
public struct UnreachedProgram: Hashable, Sendable {
    /// enum mptcpize_unreached.
    public enum Reason: UInt8, Sendable {
        case environment = 1
        case setUser, setGroup, capabilities, changedUser, staticallyLinked

        var inWords: String {
            switch self {
            case .environment: "LD_PRELOAD removed"
            case .setUser: "set-uid"
            case .setGroup: "set-gid"
            case .capabilities: "file capabilities"
            case .changedUser: "started as another user"
            case .staticallyLinked: "static"
            }
        }

        /// The name in JSON documents.
        var name: String {
            switch self {
            case .environment: "environment"
            case .setUser: "set-uid"
            case .setGroup: "set-gid"
            case .capabilities: "file-capabilities"
            case .changedUser: "changed-user"
            case .staticallyLinked: "static"
            }
        }
    }

    /// Its path, or the end of a long one.
    public let path: Bytes
    public let reason: Reason

    public init(path: Bytes, reason: Reason) {
        self.path = path
        self.reason = reason
    }

    /// The program's name, as text that a terminal does not obey.
    var name: String { path.lastPathComponent.text.printable }

    /// Whether GODEBUG reaches it all the same.
    var isReachedByGo: Bool {
        guard reason == .staticallyLinked, path.first == UInt8(ascii: "/"),
            let file = try? HostSystem().open(path)
        else { return false }
        return ELFImage(file)?.goVersion?.knowsMultipath ?? false
    }
}

extension SocketLedger {
    /// The programs that were started without the library, each with how often.
    public struct UnreachedPrograms: Equatable, Sendable {
        /// What is known of a process until it tells that the library did come in.
        private var pending: [Int32: UnreachedProgram] = [:]
        private var confirmed: [UnreachedProgram: Int] = [:]
        private static let most = 4096

        public init() {}

        mutating func add(_ program: UnreachedProgram, _ pid: Int32) {
            confirm(pid)
            if pending.count < Self.most { pending[pid] = program }
        }

        /// The PID is another process's, or another program's, from now on.
        mutating func confirm(_ pid: Int32) {
            guard let program = pending.removeValue(forKey: pid),
                confirmed.count < Self.most || confirmed[program] != nil
            else { return }
            confirmed[program, default: 0] += 1
        }

        mutating func withdraw(_ pid: Int32) { pending[pid] = nil }

        /// In the order of their names.
        public var list: [(program: UnreachedProgram, count: Int)] {
            var all = confirmed
            for program in pending.values { all[program, default: 0] += 1 }
            return all.map { (program: $0.key, count: $0.value) }
                .sorted { ($0.program.name, $0.program.reason.rawValue) < ($1.program.name, $1.program.reason.rawValue) }
        }
    }
}

extension SocketReport {
    /// "2 programs that were started were not reached: sudo (set-uid), env (LD_PRELOAD removed)."
    var unreachedSentence: String? {
        let total = unreached.reduce(0) { $0 + $1.count }
        if total == 0 { return nil }
        let most = 8
        var names = unreached.prefix(most).map { program, count in
            "\(program.name) (\(program.reason.inWords)\(count == 1 ? "" : ", \(count) times"))"
        }
        if unreached.count > most { names.append("and others") }
        return (total == 1
            ? "1 program that was started was not reached: "
            : "\(total) programs that were started were not reached: ")
            + names.joined(separator: ", ") + "."
    }

    var unreachedJSON: JSONValue {
        .array(
            unreached.map { program, count in
                [
                    "program": .string(program.name), "reason": .string(program.reason.name),
                    "count": JSONValue(count),
                ]
            })
    }
}
