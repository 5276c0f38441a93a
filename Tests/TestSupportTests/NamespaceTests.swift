import TestSupport
import Testing

@Suite("Network namespaces", .requires(.namespaces))
struct NamespaceTests {
    @Test("two of them reach each other and nobody else")
    func connected() throws {
        let one = try Namespace()
        let other = try Namespace()
        try Namespace.connect(one, "10.9.9.1/24", other, "10.9.9.2/24")
        try Namespace.connect(one, "fd09::1/64", other, "fd09::2/64", device: "eth1")
        for address in ["10.9.9.2", "fd09::2"] {
            let server = try Background(
                ["nc", "-l", "-N", address, "80"], input: Array("hello".utf8), in: other)
            try server.waitUntilListening(on: 80)
            #expect(try mustRun(["nc", "-d", address, "80"], in: one) == "hello")
        }
    }

    @Test("sysctls and counters are its own")
    func counters() throws {
        let namespace = try Namespace()
        try namespace.setMPTCP(enabled: false)
        #expect(try namespace.sysctl("net/mptcp/enabled") == "0")
        #expect(try Namespace().sysctl("net/mptcp/enabled") == "1")
        #expect(try namespace.counters()["MPCapableSYNTX"] == 0)
    }

    @Test("it goes with its owner")
    func removal() throws {
        var namespace: Namespace? = try Namespace()
        let name = try #require(namespace?.name)
        #expect(try mustRun(["ip", "netns"]).contains(name))
        namespace = nil
        #expect(try !mustRun(["ip", "netns"]).contains(name))
    }
}
