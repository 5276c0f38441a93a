import TestSupport
import Testing

@Suite("Shells, relays and pipes", .serialized, .requires(.namespaces), .requires(.mptcp))
struct ShellTests {
    @Test("sshd and ssh", .requires(.command("sshd", "ssh")))
    func ssh() throws {
        var conversation = SSH.conversation
        conversation.client =
            ["ssh"] + SSH.options + ["-p", "2222", "root@%SERVER%", "wc -c; echo oops >&2; exit 7"]
        conversation.clientInput = lines(20_000)
        conversation.status = 7
        try expectSameOverMPTCP(conversation)
    }

    @Test("socat, both ways", .requires(.command("socat")))
    func socat() throws {
        try expectSameOverMPTCP(
            Conversation(
                server: ["socat", "-t10", "TCP-LISTEN:9000,reuseaddr,fork", "EXEC:tac"],
                port: 9000, client: ["socat", "-t10", "-", "TCP:%SERVER%:9000"],
                clientInput: lines(20_000)))
    }

    @Test("socat over IPv6", .requires(.command("socat")))
    func socat6() throws {
        try expectSameOverMPTCP(
            Conversation(
                server: ["socat", "-u", "TCP6-LISTEN:9000,reuseaddr", "CREATE:received"],
                port: 9000, serverEnds: true,
                client: ["socat", "-u", "-", "TCP6:[%SERVER6%]:9000"], clientInput: lines(20_000),
                produces: ["received"]))
    }

    // One direction only: with both of them shut down, netcat may end before it has read all.
    @Test("netcat-openbsd", .requires(.command("nc")))
    func netcat() throws {
        try expectSameOverMPTCP(
            Conversation(
                server: ["nc", "-l", "-N", "9000"], port: 9000, serverEnds: true,
                serverInput: lines(50_000), client: ["nc", "-d", "%SERVER%", "9000"]))
    }

    @Test("iperf3", .requires(.command("iperf3")))
    func iperf3() throws {
        try expectSameOverMPTCP(
            Conversation(
                server: ["iperf3", "--server", "--one-off"], port: 5201, serverEnds: true,
                client: [
                    "iperf3", "--client", "%SERVER%", "--bytes", "20M", "--parallel", "2",
                ],
                // The server closes when the client says that the test is over.
                readsToTheEnd: false,
                normalise: withoutMeasurements))
    }
}

/// What iperf3 prints without its table: it has as many parts as the transfer takes seconds.
func withoutMeasurements(_ output: String) -> String {
    output.split(separator: "\n").filter { !$0.hasPrefix("[") && !$0.hasPrefix("- -") }
        .joined(separator: "\n")
}
