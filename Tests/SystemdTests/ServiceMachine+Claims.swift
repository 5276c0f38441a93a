import Foundation
import TestSupport
import Testing

extension ServiceMachine {
    struct Document: Decodable {
        struct Unit: Decodable {
            struct Process: Decodable {
                let pid: Int
                let program: String
                let reachedBy: String
                let cause: String?
                let tcpPorts: [Int]
            }

            let unit: String
            let changed: Bool
            let enabled: Bool
            let restarted: [String]
            let reason: String?
            let next: String?
            let processes: [Process]?
        }

        struct Problem: Decodable {
            let object: String
            let reason: String
            let next: String?
        }

        let changed: Bool
        let units: [Unit]
        let error: Problem?
    }

    /// What a command prints with --json.
    func document(_ command: String) throws -> Document {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Document.self, from: Data(run(command).output.utf8))
    }

    /// Listening ports of TCP and of MPTCP, as ss(8) tells them.
    func listeners() throws -> (tcp: Set<Int>, mptcp: Set<Int>) {
        func ports(_ option: String) throws -> Set<Int> {
            let rows = try must("ss -Hnl\(option)").split(separator: "\n")
            return Set(
                rows.compactMap { row in
                    let fields = row.split(separator: " ")
                    return fields.count > 3
                        ? fields[3].split(separator: ":").last.flatMap { Int($0) } : nil
                })
        }
        let mptcp = try ports("M")
        return (try ports("t").subtracting(mptcp), mptcp)
    }

    /// Whether the library is mapped as program text into processes of a unit, by /proc.
    func mapped(_ unit: String) throws -> [Bool] {
        try must(
            """
            for pid in $(cat /sys/fs/cgroup$(systemctl show -P ControlGroup \(unit))/cgroup.procs)
            do grep -q 'r-xp.*libmptcpize' /proc/$pid/maps && echo 1 || echo 0; done
            """
        ).split(separator: "\n").map { $0 == "1" }
    }

    /// Has `enable --now` take everything back, and sees that it did.
    func expectTakenBack(
        _ unit: String, says parts: [String], port: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let files = try unitFiles()
        let outcome = try mptcpize("enable", "--now", unit)
        #expect(outcome.status == 1, "\(outcome)", sourceLocation: sourceLocation)
        #expect(outcome.output == "", sourceLocation: sourceLocation)
        #expect(
            outcome.errors.split(separator: "\n").count == 1, "\(outcome)",
            sourceLocation: sourceLocation)
        for part in parts {
            #expect(
                outcome.errors.contains(part), "\(part) in \(outcome)",
                sourceLocation: sourceLocation)
        }
        #expect(
            outcome.errors.contains("it runs as before"), sourceLocation: sourceLocation)
        #expect(try unitFiles() == files, sourceLocation: sourceLocation)
        #expect(
            try must("systemctl is-active \(unit)") == "active\n",
            sourceLocation: sourceLocation)
        #expect(
            try mapped(unit).allSatisfy { !$0 }, "\(outcome)",
            sourceLocation: sourceLocation)
        #expect(
            try poll(within: .seconds(60)) { try listeners().tcp.contains(port) },
            sourceLocation: sourceLocation)
    }
}
