import LinuxSystem
import SocketRecords
import TextOutput

extension SocketLedger {
    /// The programs that were started without the library, each with how often.
    package struct UnreachedPrograms: Equatable, Sendable {
        /// What is known of a process until it tells that the library did come in.
        private var pending: [Int32: UnreachedProgram] = [:]
        private var confirmed: [UnreachedProgram: Int] = [:]
        private static let most = 4096

        package init() {}

        package mutating func add(_ program: UnreachedProgram, _ pid: Int32) {
            confirm(pid)
            if pending.count < Self.most { pending[pid] = program }
        }

        /// The PID is another process's, or another program's, from now on.
        package mutating func confirm(_ pid: Int32) {
            guard let program = pending.removeValue(forKey: pid),
                confirmed.count < Self.most || confirmed[program] != nil
            else { return }
            confirmed[program, default: 0] += 1
        }

        package mutating func withdraw(_ pid: Int32) { pending[pid] = nil }

        /// Those of one name and reason as one, in the order of their names.
        package var list: [(program: UnreachedProgram, count: Int)] {
            var all: [UnreachedProgram: Int] = [:]
            for (program, count) in confirmed { all[program.named, default: 0] += count }
            for program in pending.values { all[program.named, default: 0] += 1 }
            return all.map { (program: $0.key, count: $0.value) }.sorted {
                ($0.program.name, $0.program.reason.rawValue)
                    < ($1.program.name, $1.program.reason.rawValue)
            }
        }
    }
}

extension UnreachedProgram {
    /// The same without its directory.
    fileprivate var named: UnreachedProgram {
        UnreachedProgram(path: path.lastPathComponent, reason: reason)
    }
}

extension SocketReport {
    /// "2 started programs were not reached: sudo (set-uid), env (LD_PRELOAD removed)."
    package var unreachedSentence: String? {
        let total = unreached.reduce(0) { $0 + $1.count }
        if total == 0 { return nil }
        let most = 8
        var names = unreached.prefix(most).map { program, count in
            "\(program.name) (\(program.reason.inWords)\(count == 1 ? "" : ", \(count) times"))"
        }
        if unreached.count > most { names.append("and others") }
        return
            (total == 1
            ? "1 started program was not reached: "
            : "\(total) started programs were not reached: ")
            + names.joined(separator: ", ") + "."
    }

    package var unreachedJSON: JSONValue {
        .array(
            unreached.map { program, count in
                [
                    "program": .string(program.name), "reason": .string(program.reason.name),
                    "count": JSONValue(count),
                ]
            })
    }
}
