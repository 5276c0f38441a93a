import Glibc
import KernelProbe
import TestSupport
import Testing

@Suite("The option table on this kernel", .requires(.mptcp))
struct OptionProbeTests {
    static let rows = OptionTable.probe()

    private func row(_ name: String) throws -> OptionTable.Row {
        try #require(Self.rows.first { $0.name == name })
    }

    @Test("tells what every kernel so far refuses and takes")
    func answers() throws {
        for name in ["TCP_QUICKACK", "TCP_USER_TIMEOUT", "SO_OOBINLINE", "IP_TTL", "SIOCATMARK"] {
            guard case .refused = try row(name).answer else {
                Issue.record("\(name): \(try row(name).answer)")
                continue
            }
        }
        #expect(try row("TCP_CORK").answer == .taken)
        #expect(try row("SO_RCVBUF").answer == .taken)
        #expect(try row("SO_REUSEADDR").answer == .taken)
    }

    @Test("names level, remedies and reason")
    func remedies() throws {
        let timeout = try row("TCP_USER_TIMEOUT")
        #expect(timeout.level == "IPPROTO_TCP")
        #expect(timeout.remedy == .demote && timeout.remedyOnceConnected == .ignore)
        #expect(timeout.decided == .atConnect)
        #expect(try row("TCP_SAVE_SYN").decided == .atListen)
        #expect(try row("TCP_MD5SIG").decided == .atOnce)
        #expect(try row("TCP_CORK").decided == nil)
        #expect(try row("SIOCATMARK").level == "ioctl")
        #expect(try row("TCP_CORK").remedy == .adjust)
        #expect(Self.rows.allSatisfy { !$0.reason.isEmpty && !$0.name.isEmpty })
    }

    @Test("leaves no descriptor behind")
    func descriptors() {
        let before = dup(0)
        close(before)
        _ = OptionTable.probe()
        let after = dup(0)
        close(after)
        #expect(before == after)
    }
}
