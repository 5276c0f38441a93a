import Foundation
import TestSupport
import Testing

/// What `run --report` says where the kernel tells, held against what the programs knew.
@Suite("BPF report", .serialized, .requires(.bpfMachine), .requires(.command("ip")))
struct BPFReportTests {
    @Test("every socket, what it was on the wire, and who has it", arguments: BPFMachine.kernels)
    func report(kernel: String) throws {
        let machine = try BPFMachine(
            [
                "endings": Fixtures.program("endings", .staticGlibc),
                "paths": Fixtures.program("two_paths", .staticGlibc),
                "storm": Fixtures.program("socket_storm", .staticGlibc),
                "raw": Fixtures.program("raw_socket", .staticGlibc),
                "uring": Fixtures.program("io_uring_connection", .staticGlibc),
                "musl": Fixtures.program("endings", .staticMusl),
            ], dynamic: [#require(Environment.find("ip"))])
        let outcome = try machine.run(
            BPFRunTests.prelude + """
                export LD_LIBRARY_PATH=/t/lib
                # watch NAME COMMAND…: the report of a program, and its exit status.
                watch() {
                  name=$1; shift
                  ./mptcpize run --mode bpf --json -o /tmp/report "$@"; status=$?
                  echo "== $name"; cat /tmp/report; rm /tmp/report; echo "status $status"
                }
                connections() {
                  awk '/^MPTcpExt/ { if (!n++) split($0, names); else split($0, values) }
                    END { for (i in names) if (names[i] == "MPCapableACKRX") print values[i] }' \
                    /proc/net/netstat
                }
                before=$(connections)
                watch close ./endings close; watch shutdown ./endings shutdown
                watch kill ./endings kill; watch musl ./musl fork
                echo "== connections"; echo $(($(connections) - before))

                busybox httpd -p 127.0.0.1:8080 -h /t
                watch fallback busybox wget -q -O /tmp/page http://127.0.0.1:8080/run.sh
                echo "== size"; wc -c </tmp/page
                watch refused busybox wget -q -O /tmp/page http://127.0.0.1:8081/
                echo 0 >/proc/sys/net/mptcp/enabled; watch off ./endings close
                echo 1 >/proc/sys/net/mptcp/enabled

                ./ip mptcp limits set subflows 1
                ./ip mptcp endpoint add 127.0.0.2 dev lo subflow
                watch paths ./paths >/tmp/known; cat /tmp/known; touch close; left

                watch uring ./uring; watch part ./uring socket
                # Counted here, since this console is slow.
                echo "== storm"; ./mptcpize run --mode bpf --json -o /tmp/report ./storm 8 200
                grep -c '"wire": "unconnected"' /tmp/report
                grep -oE '"(requested|events_dropped)": [0-9]*' /tmp/report
                echo "== debug"; ./mptcpize run -d ./raw 2>&1
                echo "== text"; ./mptcpize run --report ./raw 2>&1
                echo "== none"; ./mptcpize run --mode bpf --report true 2>&1; left
                """, kernel: kernel)
        #expect(outcome.succeeded, "\(outcome)")
        func report(_ name: String, status: Int = 0) throws -> Report {
            let lines = outcome.section(name)
            let end = try #require(lines.firstIndex { $0.hasPrefix("status ") }, "\(outcome)")
            #expect(lines[end] == "status \(status)")
            return try Report(json: Data(lines[..<end].joined(separator: "\n").utf8))
        }
        var pids: Set<Int> = []
        for (name, status) in [("close", 0), ("shutdown", 0), ("kill", 137), ("musl", 0)] {
            let report = try report(name, status: status)
            #expect(report.sockets.map(\.wire) == ["listening", "mptcp", "mptcp"], "\(name)")
            #expect(report.sockets.map(\.role) == ["listen", "connect", "accept"])
            #expect(report.sockets.map(\.fd) == [3, 4, 5])
            #expect(report.sockets.allSatisfy { $0.program == (name == "musl" ? name : "endings") })
            let (client, server) = (report.sockets[1], report.sockets[2])
            #expect([client.bytesSent, client.bytesReceived] == [1000, 0], "\(client)")
            #expect([server.bytesSent, server.bytesReceived] == [0, 1000], "\(server)")
            #expect([client.subflows, server.subflows] == [1, 1], "\(name) \(client) \(server)")
            #expect(client.local == server.remote && client.remote == server.local)
            #expect(report.sockets[0].local == client.remote)
            #expect(report.summary.requested == 2 && report.summary.eventsDropped == 0)
            pids.formUnion(report.sockets.map(\.pid))
        }
        #expect(pids.count == 4)
        #expect(outcome.section("connections") == ["4"])

        let fallback = try report("fallback").sockets
        let size = try #require(Int(outcome.section("size").first ?? ""))
        #expect(fallback.map(\.wire) == ["fallback"])
        #expect(fallback[0].remote == "127.0.0.1:8080" && fallback[0].socket == "mptcp")
        // The page and its head.
        #expect((size...size + 500).contains(fallback[0].bytesReceived ?? 0), "\(fallback)")
        let refused = try report("refused", status: 1).sockets
        #expect(refused.map(\.wire) == ["unconnected"] && refused[0].remote == "127.0.0.1:8081")
        let off = try report("off").sockets
        #expect(off.map(\.wire) == ["listening", "tcp", "tcp"])
        #expect(off[1].refusal?.errno == "ENOPROTOOPT" && off[1].bytesSent == 1000, "\(off)")

        let paths = try report("paths").sockets("connect")
        let known = outcome.output.split(separator: "\n").first { $0.hasPrefix("paths ") }
        let numbers = (known ?? "").split(separator: " ").compactMap { Int($0) }
        #expect(numbers.first == 2, "\(outcome)")
        // Its process has ended, and another one has the socket.
        #expect([paths[0].subflows, paths[0].bytesSent, paths[0].bytesReceived] == numbers)

        // No call tells of these: what can be known is told at their ends.
        for name in ["uring", "part"] {
            let report = try report(name)
            #expect(report.summary.eventsDropped == 0)
            #expect(Set(report.sockets.map(\.role)) == ["listen", "connect", "accept"])
            let client = try #require(report.sockets("connect").first)
            let server = try #require(report.sockets("accept").first)
            let wire = name == "part" ? "mptcp" : "tcp"
            #expect([client, server].allSatisfy { $0.wire == wire && $0.socket == wire })
            #expect(report.sockets("listen").map(\.fd) == [4])
            #expect(client.fd == (name == "part" ? 5 : nil) && server.fd == nil)
            #expect([client.bytesSent, server.bytesReceived] == [1000, 1000], "\(outcome)")
            #expect(client.local == server.remote && client.remote == server.local)
            #expect(report.sockets.allSatisfy { $0.pid == report.sockets[0].pid })
            #expect(report.sockets.allSatisfy { $0.program == "uring" })
        }

        // More than half of the calls are skipped where a kernel can be preempted.
        let storm = outcome.section("storm")
        #expect(storm.first?.hasSuffix(" failed=0") == true, "\(storm)")
        #expect(
            storm.dropFirst() == ["1600", "\"requested\": 1600", "\"events_dropped\": 0"],
            "\(storm)")

        let why =
            "mptcpize: ./raw: statically linked, so no preload library reaches it: "
            + "the kernel makes its sockets MPTCP (BPF mode)"
        let debug = outcome.section("debug")
        #expect(debug.contains(why) && debug.contains("262 uid 0 euid 0"), "\(debug)")
        #expect(debug.contains { $0.hasSuffix("fd 3: MPTCP socket") }, "\(debug)")
        #expect(outcome.section("text").last?.contains("1 never connected.") == true)
        #expect(
            outcome.section("none") == [
                "The program opened no TCP socket that could be seen: "
                    + "it used none before it ended."
            ])
    }
}
