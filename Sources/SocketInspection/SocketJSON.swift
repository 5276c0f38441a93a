import Netlink
import SocketValues
import TextOutput

extension SocketListing {
    /// The listing as one document, version 1 of its format. Addresses and counters that the kernel
    /// does not show are null.
    package func json(rates: SocketRates? = nil) -> JSONValue {
        let summary = summary
        var counts: [JSONValue.Member] = [
            .init(name: "listeners", value: JSONValue(summary.listeners)),
            .init(name: "connections", value: JSONValue(summary.connections)),
            .init(name: "multipath", value: JSONValue(summary.multipath)),
        ]
        for wire in Wire.allCases where wire != .listening {
            counts.append(.init(name: wire.rawValue, value: JSONValue(summary.byWire[wire] ?? 0)))
        }
        return [
            "version": 1,
            "sockets": .array(sockets.map { Self.json($0, rates).asWritten }),
            "summary": .object(counts),
            "notes": .array(notes.map { .string($0) }),
        ]
    }

    private static func json(_ socket: ListedSocket, _ rates: SocketRates?) -> JSONValue {
        let diag = socket.socket
        let rate = rates?.of(socket)
        var members: [JSONValue.Member] = [
            .init(name: "netns", value: JSONValue(socket.namespace)),
            .init(name: "state", value: .string(diag.state.name)),
            .init(name: "wire", value: .string(socket.wire.rawValue)),
            .init(name: "reason", value: JSONValue(socket.reason?.text)),
            .init(name: "policy", value: socket.reason?.policy?.json ?? .null),
            .init(name: "local", value: .string(diag.local.text)),
            .init(
                name: "remote", value: socket.isListener ? .null : .string(diag.remote.text)),
            .init(
                name: "processes",
                value: .array(
                    socket.owners.map {
                        ["pid": JSONValue($0.pid), "program": .string($0.program)]
                    })),
            .init(name: "paths", value: JSONValue(socket.paths)),
            .init(name: "bytes_sent", value: JSONValue(socket.bytesSent)),
            .init(name: "bytes_received", value: JSONValue(socket.bytesReceived)),
        ]
        if rates != nil {
            members += [
                .init(name: "bytes_sent_per_second", value: JSONValue(rate?.sent)),
                .init(name: "bytes_received_per_second", value: JSONValue(rate?.received)),
            ]
        }
        members += [
            .init(name: "retransmits", value: JSONValue(socket.retransmits)),
            .init(name: "idle_ms", value: JSONValue(socket.idle)),
            .init(name: "token", value: JSONValue(diag.mptcp?.token)),
            .init(name: "inode", value: JSONValue(diag.inode)),
            .init(name: "cookie", value: JSONValue(diag.cookie)),
            .init(name: "receive_queue", value: JSONValue(diag.receiveQueue)),
            .init(name: "send_queue", value: JSONValue(diag.sendQueue)),
            .init(name: "unknown_flags", value: JSONValue(diag.mptcp?.flags.unknown.rawValue)),
            .init(name: "unknown_attributes", value: json(diag.unknownAttributes)),
            .init(name: "subflows", value: .array(socket.subflows.map(json(subflow:)))),
        ]
        return .object(members)
    }

    private static func json(subflow: DiagSocket) -> JSONValue {
        let info = subflow.subflow
        let role = subflow.role
        func flag(_ value: Bool?) -> JSONValue { value.map { .bool($0) } ?? .null }
        return [
            "state": .string(subflow.state.name),
            "local": .string(subflow.local.text),
            "remote": .string(subflow.remote.text),
            "local_id": JSONValue(info?.localID),
            "remote_id": JSONValue(info?.remoteID),
            "joined": flag(role?.isJoined),
            "backup": flag(role?.isBackup),
            "established": flag(role?.isEstablished),
            "bytes_sent": JSONValue(subflow.tcp?.bytesSentOnce),
            "bytes_received": JSONValue(subflow.tcp?.bytesReceived),
            "retransmits": JSONValue(subflow.tcp?.retransmits),
            "rtt_us": JSONValue(subflow.tcp?.roundTripTime),
            "unknown_flags": JSONValue(info?.flags.unknown.rawValue),
            "unknown_attributes": json(
                subflow.unknownAttributes + (info?.unknownAttributes ?? [])),
        ]
    }

    private static func json(_ numbers: [UInt16]) -> JSONValue {
        .array(numbers.map { JSONValue($0) })
    }
}
