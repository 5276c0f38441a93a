import Foundation
import TestSupport
import Testing

@Suite("BPF and mptcpize sockets", .serialized, .requires(.bpfMachine))
struct BPFSocketsTests {
    private struct Listing: Decodable {
        struct Row: Decodable {
            let wire: String
            let state: String
            let local: String
            let remote: String?
            let reason: String?
        }
        let sockets: [Row]

        /// What is said of plain TCP sockets: "8080 ESTAB stayed TCP".
        var plain: [String] {
            sockets.filter { $0.wire == "tcp" }.map {
                "\($0.local.split(separator: ":").last!) \($0.state) \($0.reason ?? "-")"
            }.sorted()
        }
    }

    private func listing(_ name: String, _ outcome: Outcome) throws -> Listing {
        let text = outcome.section(name).joined(separator: "\n")
        return try JSONDecoder().decode(Listing.self, from: Data(text.utf8))
    }

    @Test("plain TCP sockets of programs in attached cgroups are listed, with the reason")
    func plainSockets() throws {
        // A server and a connected client that are older than the selection, and a pair that
        // is younger, its client outside and thus TCP.
        let outcome = try BPFMachine().run(
            """
            echo 'user:x:1000:1000::/:/bin/sh' >/etc/passwd; chmod 755 /t
            serve() { inside $cg/a/b busybox httpd -p 127.0.0.1:$1 -h /t; }
            connect() { sleep 600 | inside $cg/c busybox nc 127.0.0.1 $1 >/dev/null & }
            serve 8081
            connect 8081
            echo "== before"; mptcpize sockets --all --json
            mptcpize bpf attach --cgroup $cg/a || exit 1
            serve 8080
            connect 8080
            tries=0
            until mptcpize sockets --all --json >/tmp/out
              [ $(grep -c '"wire": "tcp"' /tmp/out) = 3 ] || [ $tries = 50 ]
            do sleep 0.1; tries=$((tries + 1)); done
            echo "== attached"; cat /tmp/out
            echo "== part"; mptcpize sockets --cgroup $cg/c --all --json
            echo "== user"; su user -c 'LD_LIBRARY_PATH=/t/lib /t/mptcpize sockets --all'
            echo "== detached"; mptcpize bpf detach --all; mptcpize sockets --all --json
            """, kernel: "6.12", modules: ["tcp_diag", "mptcp_diag"])
        #expect(try listing("before", outcome).plain.isEmpty, "\(outcome)")
        let attached = try listing("attached", outcome)
        #expect(
            attached.plain == [
                "8080 ESTAB accepted from a TCP client", "8081 ESTAB stayed TCP",
                "8081 LISTEN stayed TCP",
            ], "\(outcome)")
        #expect(
            attached.sockets.contains { $0.wire == "listening" && $0.local == "127.0.0.1:8080" })
        #expect(try listing("part", outcome).sockets.isEmpty, "\(outcome)")
        let user = outcome.section("user")
        #expect(!user.contains { $0.contains("tcp") }, "\(user)")
        #expect(user.count { $0.contains("As root") } == 1 && user.count <= 4, "\(user)")
        #expect(try listing("detached", outcome).plain.isEmpty, "\(outcome)")
    }
}
