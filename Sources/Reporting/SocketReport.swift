import LinuxSystem
import SocketRecords
import SocketValues
import TextOutput

/// All that is known about a program's sockets when it has ended. Both the text and the JSON document
/// are made from this value.
package struct SocketReport: Sendable {
    /// argv, as it was given to the program; NUL-terminated.
    package var command: [[CChar]]
    package var end: ProgramEnd
    package var sockets: [ReportedSocket]
    /// Records that were lost, so that the list may lack sockets, or what became of them.
    package var eventsDropped: UInt64
    /// What was said before the program started: why its sockets may not be seen.
    package var notes: [String]
    /// Whether the program, or one that it started, has put any record into the ring.
    package var wasReached: Bool
    /// Programs that were started and not reached, each with how often.
    package var unreached: [(program: UnreachedProgram, count: Int)]
    /// Libraries that LD_PRELOAD names before ours.
    package var otherLibraries: [Bytes]
    /// Whether the kernel told what became of the sockets, rather than the preload library.
    package var byKernel = false
    /// What the supervisor of the mode seccomp did; nil in other modes.
    package var supervisor: SupervisorCounts?

    package init(
        command: [[CChar]], end: ProgramEnd, sockets: [ReportedSocket], eventsDropped: UInt64 = 0,
        notes: [String] = [], wasReached: Bool = true,
        unreached: [(program: UnreachedProgram, count: Int)] = [], otherLibraries: [Bytes] = []
    ) {
        self.command = command
        self.end = end
        self.sockets = sockets
        self.eventsDropped = eventsDropped
        self.notes = notes
        self.wasReached = wasReached
        self.unreached = unreached
        self.otherLibraries = otherLibraries
    }

    /// How many sockets there are of each kind.
    package struct Summary: Equatable, Sendable {
        /// Made by socket() with a request for TCP.
        package var requested = 0
        /// By what they were on the wire, accepted ones included.
        package var all: [Wire: Int] = [:]
        /// The same of those that were requested.
        package var ofRequested: [Wire: Int] = [:]
    }

    package var summary: Summary {
        var summary = Summary()
        for socket in sockets {
            summary.all[socket.answer.wire, default: 0] += 1
            guard socket.isRequested else { continue }
            summary.requested += 1
            summary.ofRequested[socket.answer.wire, default: 0] += 1
        }
        return summary
    }
}

extension SocketReport {
    /// The report as one document, version 1 of its format.
    package var json: JSONValue {
        let summary = summary
        var counts: [JSONValue.Member] = [
            JSONValue.Member(name: "requested", value: JSONValue(summary.requested))
        ]
        for wire in Wire.allCases {
            let count = JSONValue(summary.all[wire] ?? 0)
            counts.append(JSONValue.Member(name: wire.rawValue, value: count))
        }
        counts.append(JSONValue.Member(name: "events_dropped", value: JSONValue(eventsDropped)))
        let exit: JSONValue =
            switch end {
            case .exited(let code): ["code": JSONValue(code)]
            case .signalled(let signal): ["signal": .string(signalName(signal))]
            }
        return [
            "version": 1,
            "command": .array(command.map { JSONValue(bytes: $0) }),
            "exit": exit,
            "sockets": .array(sockets.map(json)),
            "unreached": unreachedJSON,
            "supervisor": supervisor?.json ?? .null,
            "summary": .object(counts),
        ]
    }

    private func json(_ socket: ReportedSocket) -> JSONValue {
        let refusal: JSONValue =
            socket.refusal.map {
                ["errno": .string($0.name), "reason": .string($0.ofMultipathTCP(socket.family))]
            } ?? .null
        let policy = (socket.policy ?? socket.packetRule)?.json ?? .null
        let remedies = socket.remedies.map { remedy -> JSONValue in
            [
                "option": .string(remedy.optionName),
                "remedy": .string(remedy.kind?.rawValue ?? "unknown"),
                "error": JSONValue(remedy.error?.name),
            ]
        }
        return [
            "pid": JSONValue(socket.pid),
            "program": .string(socket.program.text),
            "fd": socket.fd < 0 ? .null : JSONValue(socket.fd),
            "family": .string(socket.family.rawValue),
            "role": .string(socket.role.rawValue),
            "socket": .string(socket.socket.rawValue),
            "refusal": refusal,
            "wire": .string(socket.answer.wire.rawValue),
            "subflows": JSONValue(socket.answer.subflows),
            "local": JSONValue(socket.local?.text),
            "remote": JSONValue(socket.remote?.text),
            "bytes_sent": JSONValue(socket.answer.bytesSent),
            "bytes_received": JSONValue(socket.answer.bytesReceived),
            "remedies": .array(remedies), "policy": policy,
        ]
    }
}
