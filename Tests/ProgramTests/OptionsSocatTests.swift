import TestSupport
import Testing

@Suite("socat with options", .serialized, .requires(.namespaces), .requires(.mptcp))
struct OptionsSocatTests {
    /// The list is socat's own, so that it grows with socat.
    @Test("takes every TCP and IP option that it takes over TCP", .requires(.command("socat")))
    func everyOption() throws {
        let directory = try TemporaryDirectory()
        let namespace = try Namespace()
        let script = ["sh", Repository.path("Tests/Fixtures/socat_options.sh")]
        let reporting = ["run", "--report", "--json", "-o", directory.file("report"), "--"]
        func tries(_ command: [String]) throws -> [Substring] {
            try mustRun(command, in: namespace, timeout: .seconds(120)).split(separator: "\n")
        }
        let plain = try tries(script)
        let mended = try tries([Products.mptcpize] + reporting + script)
        // What TCP refuses and MPTCP takes is no loss: SO_PASSCRED since Linux 6.17.
        let taken = plain.filter { $0.hasSuffix("hello ") }
        #expect(taken.count > 200, "\(plain.joined(separator: "\n"))")
        let lost = Set(taken).subtracting(mended)
        #expect(lost.isEmpty, "\(mended.filter { !$0.hasSuffix("hello ") })")

        let report = try Report(file: directory.file("report"))
        let remedies = Set(report.sockets.flatMap(\.remedies).map(\.option))
        #expect(
            remedies.isSuperset(of: [
                "IP_MTU_DISCOVER", "IP_RECVERR", "IP_TTL", "IPV6_TCLASS", "SO_OOBINLINE",
                "SO_RCVBUF", "TCP_CORK", "TCP_LINGER2", "TCP_QUICKACK", "TCP_SYNCNT",
                "TCP_USER_TIMEOUT", "TCP_WINDOW_CLAMP",
            ]), "\(remedies)")
        // Two connections for each try that worked, nearly all of them MPTCP.
        #expect(report.sockets("connect", "mptcp").count > taken.count * 3 / 4)
    }
}
