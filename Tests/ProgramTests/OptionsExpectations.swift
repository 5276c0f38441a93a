import TestSupport
import Testing

/// What a conversation whose programs set options that MPTCP refuses has to come to.
struct OptionsExpectation {
    /// Options that a program sets, and what the report has to say became of them, as
    /// "TCP_CORK adjust". Those that some kernels take need not be named.
    var client: Set<String> = []
    var server: Set<String> = []
    /// What the client's connections to the server are on the wire; nil where it differs.
    var wire: String? = "mptcp"
}

/// Has a conversation take place over TCP and with mptcpize on both ends, and expects that its
/// user notices nothing, that the connections were MPTCP, and that the report tells which
/// options met a remedy.
///
/// - Returns: what each of the two looked like.
@discardableResult
func expectOptionsMended(
    _ conversation: Conversation, _ expectation: OptionsExpectation = OptionsExpectation(),
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> (plain: Performance, mended: Performance) {
    let rehearsal = try Rehearsal(conversation)
    let plain = try rehearsal.perform(.plain)
    #expect(
        plain.result.clientEnd == .exited(conversation.status),
        "\(plain.result)\n\(plain.serverErrors)", sourceLocation: sourceLocation)
    let mended = try rehearsal.perform(.both)
    #expect(
        mended.result == plain.result, "--- server\n\(mended.serverErrors)",
        sourceLocation: sourceLocation)
    for (side, expected) in [
        (mended.client, expectation.client), (mended.server, expectation.server),
    ] {
        let missing = expected.subtracting(side.remedies)
        #expect(missing.isEmpty, "\(side.name): \(side.remedies)", sourceLocation: sourceLocation)
    }
    let toServer = mended.client.report?.sockets("connect").filter {
        $0.isPeer(Stage.serverAddress) || $0.isPeer(Stage.serverAddress6)
    }
    #expect(toServer?.isEmpty == false, sourceLocation: sourceLocation)
    if let wire = expectation.wire {
        #expect(
            toServer?.allSatisfy { $0.wire == wire } == true,
            "\(mended.client)\n\(mended.server)", sourceLocation: sourceLocation)
    }
    return (plain, mended)
}

extension Side {
    /// Every remedy of the report, as "TCP_CORK adjust".
    var remedies: Set<String> {
        Set((report?.sockets ?? []).flatMap(\.remedies).map { "\($0.option) \($0.remedy)" })
    }
}
