import TestSupport
import Testing

/// Has a conversation take place in every arrangement, and expects of each that its user
/// notices nothing, and that the report and the kernel agree about what happened.
func expectSameOverMPTCP(
    _ conversation: Conversation, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let rehearsal = try Rehearsal(conversation)
    let plain = try rehearsal.perform(.plain)
    #expect(
        plain.result.clientEnd == .exited(conversation.status),
        "\(plain.result)\n\(plain.serverErrors)",
        sourceLocation: sourceLocation)
    for arrangement in Arrangement.allCases where arrangement != .plain {
        let performance = try rehearsal.perform(arrangement)
        #expect(
            performance.result == plain.result,
            "\(arrangement.rawValue)\n--- server\n\(performance.serverErrors)",
            sourceLocation: sourceLocation)
        performance.expectAgreement(
            readsToTheEnd: conversation.readsToTheEnd, sourceLocation)
    }
}

extension Performance {
    func expectAgreement(readsToTheEnd: Bool, _ sourceLocation: SourceLocation) {
        for side in [client, server] {
            for disagreement in side.disagreements(arrangement) {
                Issue.record(
                    "\(arrangement.rawValue), \(side.name): \(disagreement)\n\(side.description)",
                    sourceLocation: sourceLocation)
            }
        }
        // The two ends met on the wire that this arrangement leads to.
        let toServer = client.report?.sockets("connect").filter {
            $0.isPeer(Stage.serverAddress) || $0.isPeer(Stage.serverAddress6)
        }
        if let toServer {
            #expect(!toServer.isEmpty, "\(arrangement.rawValue)", sourceLocation: sourceLocation)
            #expect(
                toServer.allSatisfy { $0.wire == arrangement.clientWire },
                "\(arrangement.rawValue)\n\(client)", sourceLocation: sourceLocation)
        }
        let fromClient = server.report?.sockets("accept").filter {
            $0.isPeer(Stage.clientAddress) || $0.isPeer(Stage.clientAddress6)
        }
        if let fromClient {
            #expect(!fromClient.isEmpty, "\(arrangement.rawValue)", sourceLocation: sourceLocation)
            #expect(
                fromClient.allSatisfy { $0.wire == arrangement.serverWire },
                "\(arrangement.rawValue)\n\(server)", sourceLocation: sourceLocation)
        }
        if arrangement == .both, let toServer, let fromClient {
            for (sent, received) in [(toServer, fromClient), (fromClient, toServer)] {
                let difference = sent.sum(\.bytesSent) - received.sum(\.bytesReceived)
                // A DATA_FIN not yet sent counts as a byte: SIOCOUTQNSD, net/mptcp/protocol.c.
                let most = readsToTheEnd ? sent.count : Int.max
                #expect(
                    (0...most).contains(difference), "\(client)\n\(server)",
                    sourceLocation: sourceLocation)
            }
        }
    }
}

extension Side: CustomStringConvertible {
    var description: String {
        let counted = counters.filter { $0.value != 0 }.sorted { $0.key < $1.key }
        return "\(name): "
            + counted.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            + (report?.sockets ?? []).map {
                "\n  \($0.pid) \($0.program) fd \($0.fd ?? -1) \($0.role) \($0.socket) \($0.wire)"
                    + " \($0.local ?? "-") \($0.remote ?? "-")"
                    + " sent \($0.bytesSent ?? -1) received \($0.bytesReceived ?? -1)"
            }.joined()
    }

    /// What the report says and the kernel's counters contradict.
    func disagreements(_ arrangement: Arrangement) -> [String] {
        var found: [String] = []
        func compare(_ counter: String, _ count: Int) {
            if counters[counter] != count {
                found.append("\(counter) is \(counters[counter] ?? -1), the report says \(count)")
            }
        }
        // Without mptcpize here, nothing asks for MPTCP.
        let asked = report?.sockets("connect").filter { $0.socket == "mptcp" } ?? []
        compare("MPCapableSYNTX", asked.count { $0.wire != "unconnected" })
        compare("MPCapableSYNACKRX", asked.count { $0.wire == "mptcp" })
        compare("MPCapableFallbackSYNACK", asked.count { $0.wire == "fallback" })
        let accepted = report?.sockets("accept", "mptcp").count ?? 0
        compare("MPCapableSYNRX", accepted)
        compare("MPCapableACKRX", accepted)
        compare("MPCapableFallbackACK", report?.sockets("accept", "fallback").count ?? 0)
        guard let report else { return found }

        if report.summary.unknown > 0 { found.append("some sockets are unknown") }
        if report.summary.eventsDropped > 0 { found.append("events were dropped") }
        for socket in report.sockets where socket.role != "accept" {
            let expected = arrangement.isMPTCPEnabled ? "mptcp" : "tcp"
            if socket.socket != expected { found.append("a \(socket.socket) socket was made") }
            let refusal = arrangement.isMPTCPEnabled ? nil : "ENOPROTOOPT"
            if socket.refusal?.errno != refusal {
                found.append("refused with \(socket.refusal?.errno ?? "nothing")")
            }
        }
        return found
    }
}

extension [Report.Socket] {
    fileprivate func sum(_ bytes: KeyPath<Report.Socket, Int?>) -> Int {
        reduce(0) { $0 + ($1[keyPath: bytes] ?? 0) }
    }
}
