import Glibc
import SocketPolicy
import TestSupport
import Testing

/// The preload library's reader of rules.
private final class Policy {
    private let table = UnsafeMutablePointer<mptcpize_policy>.allocate(capacity: 1)

    /// nil: refused.
    init?(_ text: String, program: String? = nil) {
        if !mptcpize_policy_read(table, text, program) { return nil }
    }

    deinit { table.deallocate() }

    /// 16 or 28 bytes of a socket address.
    static func address(_ text: String, _ port: UInt16) -> [UInt8] {
        let isIPv6 = text.contains(":")
        var address = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
        precondition(inet_pton(isIPv6 ? AF_INET6 : AF_INET, text, &address) == 1, text)
        let family = withUnsafeBytes(of: UInt16(isIPv6 ? AF_INET6 : AF_INET), Array.init)
        let start = family + [UInt8(port >> 8), UInt8(port & 0xff)]
        return isIPv6
            ? start + [0, 0, 0, 0] + address + [0, 0, 0, 0]
            : start + address + [UInt8](repeating: 0, count: 8)
    }

    func decide(_ direction: mptcpize_direction, _ address: [UInt8]) -> PolicyCase.Answer {
        Self.answer(mptcpize_policy_decide(table, direction, address, UInt32(address.count)))
    }

    func decide(_ question: PolicyCase.Question) -> PolicyCase.Answer {
        decide(
            question.direction == "connect" ? MPTCPIZE_CONNECT : MPTCPIZE_LISTEN,
            Self.address(question.address, question.port))
    }

    var forAll: PolicyCase.Answer { Self.answer(mptcpize_policy_for_all(table)) }

    func isEmpty(_ direction: mptcpize_direction) -> Bool {
        mptcpize_policy_is_empty(table, direction)
    }

    private static func answer(_ ruling: mptcpize_ruling) -> PolicyCase.Answer {
        PolicyCase.Answer(isTCP: ruling.tcp, line: ruling.rule < 0 ? nil : Int(ruling.rule) + 1)
    }
}

@Suite("Which connections the preload library leaves TCP")
struct ConnectionPolicyTests {
    @Test("every row of the table", arguments: PolicyCase.all)
    func table(row: PolicyCase) throws {
        for (question, expected) in row.questions {
            let policy = try #require(Policy(row.text, program: question.program))
            #expect(policy.decide(question) == expected, "\(question)")
        }
        for (program, expected) in row.programs {
            let policy = try #require(Policy(row.text, program: program))
            #expect(policy.forAll == expected, "\(program ?? "-")")
        }
    }

    @Test("a name is asked for only where a rule needs it", arguments: PolicyCase.all)
    func needsProgram(row: PolicyCase) {
        let isNeeded = row.rules.contains { $0.contains(" program ") }
        #expect(mptcpize_policy_needs_program(row.text) == isNeeded)
    }

    @Test("a direction without a rule that says TCP is told")
    func empty() throws {
        let policy = try #require(Policy("v1;tcp_connect_*_80_f:1;mptcp_any_*_*_f:2"))
        #expect(!policy.isEmpty(MPTCPIZE_CONNECT) && policy.isEmpty(MPTCPIZE_LISTEN))
        // The rule is another program's.
        let other = try #require(Policy("v1;tcp_any_*_80_f:1_curl", program: "wget"))
        #expect(other.isEmpty(MPTCPIZE_CONNECT) && other.isEmpty(MPTCPIZE_LISTEN))
    }

    @Test(
        "what is not canonical is refused as a whole",
        arguments: [
            "", "v", "v2", "v1;", "v1;;", "v1 ", "v1;tcp", "v1;tcp_any_*_*", "v1;tcp_any_*_*_f:1;",
            "v1;udp_any_*_*_f:1", "v1;tcp_both_*_*_f:1", "v1;tcp_any__*_f:1", "v1;tcp_any_*__f:1",
            "v1;tcp_any_10.0.0.0_*_f:1", "v1;tcp_any_10.0.0/8_*_f:1",
            "v1;tcp_any_10.0.0.0/33_*_f:1", "v1;tcp_any_256.0.0.0/8_*_f:1",
            "v1;tcp_any_10.0.0.0/_*_f:1", "v1;tcp_any_1:2:3/16_*_f:1",
            "v1;tcp_any_1:2:3:4:5:6:7:8/129_*_f:1", "v1;tcp_any_1:2:3:4:5:6:7:10000/128_*_f:1",
            "v1;tcp_any_::1/128_*_f:1", "v1;tcp_any_*_65536_f:1", "v1;tcp_any_*_2-1_f:1",
            "v1;tcp_any_*_99999999999_f:1", "v1;tcp_any_*_-1_f:1", "v1;tcp_any_*_1,_f:1",
            "v1;tcp_any_*,_1_f:1", "v1;tcp_any_*_http_f:1", "v1;tcp_any_*_*_f:1_a=0",
            "v1;tcp_any_*_*_f:1_a=00", "v1;tcp_any_*_*_f:1_a=", "v1;tcp_any_*_*_f:1_a_b",
            "v1;tcp_any_*_*_f:1;tcp_any_*_*_f:2;nonsense", "v1;tcp_any_**_*_f:1",
            "v1;TCP_any_*_*_f:1",
        ])
    func refused(text: String) throws {
        #expect(Policy(text) == nil)
        #expect(Policy(text, program: "a") == nil)
    }

    @Test("of half a policy nothing is left")
    func half() {
        let table = UnsafeMutablePointer<mptcpize_policy>.allocate(capacity: 1)
        defer { table.deallocate() }
        #expect(!mptcpize_policy_read(table, "v1;tcp_any_*_*_f:1;tcp", nil))
        let address = Policy.address("192.0.2.1", 80)
        #expect(mptcpize_policy_decide(table, MPTCPIZE_CONNECT, address, 16).rule == -1)
        #expect(mptcpize_policy_is_empty(table, MPTCPIZE_CONNECT))
    }

    @Test("more than fits is refused, the most that fits is not")
    func size() throws {
        func text(_ count: Int, _ address: String) -> String {
            "v1" + (1...count).map { ";tcp_connect_\(address)_\($0)_f:\($0)" }.joined()
        }
        let cells = Int(MPTCPIZE_POLICY_CELLS)
        for address in ["192.0.2.0/24", "1:2:3:4:5:6:7:8/128", "*"] {
            let policy = try #require(Policy(text(cells, address)))
            let asked = address.contains(":") ? "1:2:3:4:5:6:7:8" : "192.0.2.1"
            let last = policy.decide(MPTCPIZE_CONNECT, Policy.address(asked, UInt16(cells)))
            #expect(last == PolicyCase.Answer(isTCP: true, line: cells))
            #expect(Policy(text(cells + 1, address)) == nil)
        }
        // 64 rules for a class of three prefixes, with a glob of the greatest length.
        let glob = String(repeating: "a", count: Int(MPTCPIZE_POLICY_GLOB))
        let classes = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
        let many = "v1" + (1...64).map { ";tcp_any_\(classes)_*_f:\($0)_\(glob)" }.joined()
        #expect(Policy(many, program: glob) != nil)
        #expect(Policy(many + "a", program: glob) == nil)
    }

    @Test("an address of another family, or cut short, meets no rule")
    func otherAddresses() throws {
        let policy = try #require(Policy("v1;tcp_any_*_*_f:1"))
        let none = PolicyCase.Answer(isTCP: false, line: nil)
        let tcp = PolicyCase.Answer(isTCP: true, line: 1)
        let ipv4 = Policy.address("192.0.2.1", 80)
        let ipv6 = Policy.address("2001:db8::1", 80)
        for length in 0..<16 {
            #expect(policy.decide(MPTCPIZE_CONNECT, Array(ipv4.prefix(length))) == none)
        }
        for length in 0..<24 {
            #expect(policy.decide(MPTCPIZE_CONNECT, Array(ipv6.prefix(length))) == none)
        }
        // Without a scope, as RFC 2133 had it.
        #expect(policy.decide(MPTCPIZE_CONNECT, Array(ipv6.prefix(24))) == tcp)
        for family in [AF_UNSPEC, AF_UNIX, AF_NETLINK] {
            var other = ipv4
            other[0] = UInt8(family)
            #expect(policy.decide(MPTCPIZE_CONNECT, other) == none)
        }
    }

    @Test(
        "what comes at random is read within its bounds",
        .requires(.flavour(.addressSanitizer)))
    func random() throws {
        let sources = ["connection_policy.c", "connection_policy_text.c", "glob.c"]
        let program = try Fixtures.program(
            "random_policy", .addressSanitizer,
            flags: ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
                + ["-I", Repository.path("Sources/SocketPolicy/include")]
                + sources.map { Repository.path("Sources/SocketPolicy/\($0)") })
        let texts = PolicyCase.all.map(\.text)
        let outcome = try run([program, "200000"] + texts, timeout: .seconds(120))
        #expect(outcome.succeeded && outcome.errors.isEmpty, "\(outcome)")
        // Of what was changed a little, some is read and some is not.
        let counts = outcome.output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        #expect(counts.count == 2 && counts.allSatisfy { $0 > 10_000 }, "\(outcome)")
    }
}
