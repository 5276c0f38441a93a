import Foundation
import TestSupport
import Testing

/// What happens when the kernel, a setting or a policy refuses MPTCP.
@Suite("Falling back to TCP", .serialized)
struct FallbackTests {
    @Test("follows net.mptcp.enabled, off and on again", .requires(.namespaces))
    func toggled() throws {
        let namespace = try Namespace("toggle")
        let outcome = try preloaded([Fixtures.program("toggle")], in: namespace)
        let mptcp = "262/4242"
        let tcp = "6/4242"
        #expect(
            outcome.output.split(separator: "\n")
                == [
                    "1: \(mptcp) \(mptcp)", "0: \(tcp) \(tcp)", "0: \(tcp) \(tcp)",
                    "1: \(mptcp) \(mptcp)", "0: \(tcp) \(tcp)", "1: \(mptcp) \(mptcp)",
                ], "\(outcome)")
    }

    @Test(
        "works, and asks again, after a refusal that may end",
        .requires(.tracing), arguments: [EPERM, EACCES, ENOBUFS])
    func temporaryRefusal(error: Int32) throws {
        let (protocols, attempts) = try refused(error, family: 0)
        #expect(protocols == [Int](repeating: 6, count: 10))
        #expect(attempts == 10)
    }

    @Test("works, and asks again after a moment, where MPTCP is off", .requires(.tracing))
    func off() throws {
        let (protocols, attempts) = try refused(ENOPROTOOPT, family: 0)
        #expect(protocols == [Int](repeating: 6, count: 10))
        #expect((1...10).contains(attempts))
    }

    @Test(
        "asks once after a refusal that lasts until reboot",
        .requires(.tracing), arguments: [EINVAL, EPROTONOSUPPORT])
    func permanentRefusal(error: Int32) throws {
        let (protocols, attempts) = try refused(error, family: 0)
        #expect(protocols == [Int](repeating: 6, count: 10))
        #expect(attempts == 2)  // once for each address family
    }

    @Test(
        "remembers each address family for itself",
        .requires(.tracing), .requires(.mptcp))
    func onlyIPv6() throws {
        let (protocols, attempts) = try refused(EPROTONOSUPPORT, family: AF_INET6)
        #expect(protocols == [262, 6, 262, 6, 262, 6, 262, 6, 262, 6])
        #expect(attempts == 5 + 1)
    }

    /// Runs five pairs of inet and inet6 sockets under a filter that refuses MPTCP; gives
    /// back their protocols and how often the kernel was asked for MPTCP.
    private func refused(_ error: Int32, family: Int32) throws -> ([Int], Int) {
        let files = try TemporaryDirectory()
        let trace = files.file("trace")
        let library = Products.library()
        let outcome = try run([
            "strace", "-f", "-e", "trace=socket", "-o", trace,
            Fixtures.program("refuse_mptcp"), "\(error)", "\(family)",
            "/usr/bin/env", "LD_PRELOAD=\(library)", Fixtures.program("several"), "5",
        ])
        let calls = try String(contentsOfFile: trace, encoding: .utf8)
        return (
            outcome.output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) },
            calls.split(separator: "\n").filter { $0.contains("IPPROTO_MPTCP") }.count
        )
    }
}
