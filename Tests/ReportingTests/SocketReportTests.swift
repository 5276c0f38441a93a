import Foundation
import Recordings
import Reporting
import SocketEvents
import TestSupport
import Testing
import TextOutput

/// The sockets of a made-up program, one of each kind.
private func sample() -> [ReportedSocket] {
    let story = Story()
    story.happens(
        Record.created(100, 3, 1, program: "nginx"),
        Record.listening(100, 3, 1, local: "0.0.0.0:443"),
        Record.accepted(
            100, 4, 2, local: "192.0.2.10:443", remote: "198.51.100.7:51514", program: "nginx"),
        Record.closed(100, 4, 2, MPTCPIZE_WIRE_MPTCP, subflows: 2, sent: 1_530_000, received: 999),
        Record.accepted(
            100, 5, 3, protocol: 6, local: "192.0.2.10:443", remote: "198.51.100.8:40000",
            program: "nginx"),
        Record.closed(100, 5, 3, MPTCPIZE_WIRE_TCP, subflows: 1, sent: 12_000, received: 0),
        Record.created(100, 6, 4, program: "nginx"),
        Record.connecting(100, 6, 4, local: "192.0.2.10:33333", remote: "203.0.113.5:8080"),
        Record.closed(100, 6, 4, MPTCPIZE_WIRE_FALLBACK, subflows: 1, sent: 80, received: 4096),
        Record.created(100, 7, 5, program: "nginx"),
        Record.connecting(
            100, 7, 5, local: "[2001:db8::1]:33334", remote: "[2001:db8::2]:80",
            error: ECONNREFUSED),
        Record.closed(100, 7, 5, MPTCPIZE_WIRE_UNCONNECTED),
        Record.created(100, 8, 6, refused: EPROTONOSUPPORT, family: AF_INET6, program: "nginx"),
        Record.connecting(100, 8, 6, local: "[::1]:33335", remote: "[::1]:80"),
        Record.remedied(100, 8, 6, option: 18, remedy: 1, error: EOPNOTSUPP),
        Record.closed(100, 8, 6, MPTCPIZE_WIRE_TCP, subflows: 1, sent: 0, received: 0),
        Record.created(100, 9, 7, program: "nginx"))
    return story.ends(.signalled(SIGTERM))
}

@Suite("The report")
struct SocketReportTests {
    private let report = SocketReport(
        command: [Array("nginx".utf8CString), [0x22, -1, 0x0A, 0]], end: .signalled(SIGTERM),
        sockets: sample(), eventsDropped: 2)

    @Test("as text")
    func text() {
        let expected = #"""
            PID PROGRAM FD ROLE    LOCAL               REMOTE             RESULT      PATHS   SENT RECEIVED WHY
            100 nginx    3 listen  0.0.0.0:443         -                  listening       -      -        -
                killed by SIGTERM before it was closed
            100 nginx    4 accept  192.0.2.10:443      198.51.100.7:51514 mptcp           2 1.5 MB    999 B
            100 nginx    5 accept  192.0.2.10:443      198.51.100.8:40000 tcp             1  12 kB      0 B
                from a TCP client
            100 nginx    6 connect 192.0.2.10:33333    203.0.113.5:8080   fallback        1   80 B   4.0 kB
                peer does not speak MPTCP
            100 nginx    7 connect [2001:db8::1]:33334 [2001:db8::2]:80   unconnected     -      -        -
                connection refused
            100 nginx    8 connect [::1]:33335         [::1]:80           tcp             1    0 B      0 B
                TCP_USER_TIMEOUT ignored; kernel has no MPTCP for IPv6
            100 nginx    9 -       -                   -                  unknown         -      -        -
                killed by SIGTERM before it was closed
            5 sockets asked for TCP: 0 went over MPTCP, 1 fell back to TCP on the wire, 1 stayed TCP. Of the rest: 1 listening, 1 never connected, 1 not seen to the end. 2 sockets accepted: 1 over MPTCP, 1 over TCP.
            2 events were lost: the report may be incomplete.
            """#
        #expect(report.lines().joined(separator: "\n") == expected)
    }

    @Test("names the rules that packets were held to, where their addresses meet them")
    func packetRules() {
        var ruled = report
        ruled.attribute(
            to: PacketRules(
                "v1;tcp_connect_203.0.113.0/24_8080_a:7;tcp_listen_192.0.2.10/32_443_b:2"))
        let lines = ruled.lines().map { $0.trimmingCharacters(in: .whitespaces) }
        #expect(lines.contains("policy (a:7)") && !lines.contains("peer does not speak MPTCP"))
        #expect(lines.contains("policy (b:2)") && !lines.contains("from a TCP client"))
        #expect(lines.count { $0.hasPrefix("policy") } == 2)
        let document = String(decoding: ruled.json.text, as: UTF8.self)
        #expect(document.contains(#""file": "a""#) || document.contains(#""file":"a""#))
    }

    @Test("a row of usual addresses fits 100 columns, and a short reason too")
    func width() {
        let lines = report.lines()
        #expect(lines.dropLast(2).allSatisfy { $0.count <= 100 || $0.hasSuffix("WHY") })
        let story = Story()
        story.happens(
            Record.created(1, 3, 1),
            Record.connecting(1, 3, 1, local: "10.0.0.1:1", remote: "10.0.0.2:1"),
            Record.closed(1, 3, 1, MPTCPIZE_WIRE_FALLBACK))
        let row = SocketReport(command: [], end: .exited(0), sockets: story.ends()).lines()[1]
        #expect(row.hasSuffix(" peer does not speak MPTCP"))
    }

    @Test("as JSON")
    func json() throws {
        let expected = #"""
            {
              "version": 1,
              "command": ["nginx", "\"\#u{FFFD}\n"],
              "exit": {"signal": "SIGTERM"},
              "sockets": [
                {"pid": 100, "program": "nginx", "fd": 3, "family": "inet", "role": "listen", "socket": "mptcp", "refusal": null, "wire": "listening", "subflows": null, "local": "0.0.0.0:443", "remote": null, "bytes_sent": null, "bytes_received": null, "remedies": [], "policy": null},
                {"pid": 100, "program": "nginx", "fd": 4, "family": "inet", "role": "accept", "socket": "mptcp", "refusal": null, "wire": "mptcp", "subflows": 2, "local": "192.0.2.10:443", "remote": "198.51.100.7:51514", "bytes_sent": 1530000, "bytes_received": 999, "remedies": [], "policy": null},
                {"pid": 100, "program": "nginx", "fd": 5, "family": "inet", "role": "accept", "socket": "tcp", "refusal": null, "wire": "tcp", "subflows": 1, "local": "192.0.2.10:443", "remote": "198.51.100.8:40000", "bytes_sent": 12000, "bytes_received": 0, "remedies": [], "policy": null},
                {"pid": 100, "program": "nginx", "fd": 6, "family": "inet", "role": "connect", "socket": "mptcp", "refusal": null, "wire": "fallback", "subflows": 1, "local": "192.0.2.10:33333", "remote": "203.0.113.5:8080", "bytes_sent": 80, "bytes_received": 4096, "remedies": [], "policy": null},
                {"pid": 100, "program": "nginx", "fd": 7, "family": "inet", "role": "connect", "socket": "mptcp", "refusal": null, "wire": "unconnected", "subflows": null, "local": "[2001:db8::1]:33334", "remote": "[2001:db8::2]:80", "bytes_sent": null, "bytes_received": null, "remedies": [], "policy": null},
                {"pid": 100, "program": "nginx", "fd": 8, "family": "inet6", "role": "connect", "socket": "tcp", "refusal": {"errno": "EPROTONOSUPPORT", "reason": "kernel has no MPTCP for IPv6"}, "wire": "tcp", "subflows": 1, "local": "[::1]:33335", "remote": "[::1]:80", "bytes_sent": 0, "bytes_received": 0, "remedies": [{"option": "TCP_USER_TIMEOUT", "remedy": "ignore", "error": "EOPNOTSUPP"}], "policy": null},
                {"pid": 100, "program": "nginx", "fd": 9, "family": "inet", "role": "none", "socket": "mptcp", "refusal": null, "wire": "unknown", "subflows": null, "local": null, "remote": null, "bytes_sent": null, "bytes_received": null, "remedies": [], "policy": null}
              ],
              "unreached": [],
              "supervisor": null,
              "summary": {"requested": 5, "mptcp": 1, "fallback": 1, "tcp": 2, "listening": 1, "unconnected": 1, "unknown": 1, "events_dropped": 2}
            }

            """#
        let text = report.json.text
        #expect(String(decoding: text, as: UTF8.self) == expected)
        let parsed = try JSONSerialization.jsonObject(with: Data(text)) as? [String: Any]
        #expect((parsed?["sockets"] as? [Any])?.count == 7)
    }

    @Test("its JSON is JSON to others too", .requires(.command("python3")))
    func python() throws {
        let printed = try mustRun(
            [
                "python3", "-c",
                "import json, sys; d = json.load(sys.stdin); print(len(d['sockets']), ascii(d['command'][1]))",
            ],
            input: String(decoding: report.json.text, as: UTF8.self))
        #expect(printed == "7 '\"\\ufffd\\n'\n")
    }

    @Test("one without sockets says why that may be")
    func empty() {
        let begin = "The program opened no TCP socket that could be seen: "
        let silent = SocketReport(command: [], end: .exited(0), sockets: [])
        #expect(
            silent.lines() == [
                begin + "it used none, or only by raw system calls, or in a static or Go program "
                    + "that it started."
            ])
        let unreached = SocketReport(
            command: [], end: .exited(0), sockets: [], wasReached: false)
        #expect(
            unreached.lines() == [
                begin + "the preload library was not loaded into it (is it static, or a Go "
                    + "program?)."
            ])
        let told = SocketReport(
            command: [], end: .exited(0), sockets: [], notes: ["x is statically linked"])
        #expect(
            told.lines() == [
                begin + "x is statically linked."
            ])
    }

    @Test("one socket is one socket")
    func singular() {
        let story = Story()
        story.happens(
            Record.created(1, 3, 1), Record.closed(1, 3, 1, MPTCPIZE_WIRE_MPTCP, subflows: 1))
        let last = SocketReport(command: [], end: .exited(0), sockets: story.ends()).lines().last
        #expect(
            last
                == "1 socket asked for TCP: 1 went over MPTCP, 0 fell back to TCP on the wire, 0 stayed TCP."
        )
    }

    @Test(
        "why MPTCP was refused",
        arguments: [
            (ENOPROTOOPT, AF_INET, "MPTCP is off here (net.mptcp.enabled=0)"),
            (EPROTONOSUPPORT, AF_INET, "kernel has no MPTCP"),
            (EPROTONOSUPPORT, AF_INET6, "kernel has no MPTCP for IPv6"),
            (EINVAL, AF_INET, "kernel is too old for MPTCP"),
            (EPERM, AF_INET, "a security policy refused it"),
            (EMFILE, AF_INET, "too many open files"),
        ])
    func refusals(error: Int32, family: Int32, why: String) {
        let story = Story()
        story.happens(
            Record.created(1, 3, 1, refused: error, family: family),
            Record.closed(1, 3, 1, MPTCPIZE_WIRE_TCP))
        #expect(story.ends().first?.why == why)
    }

    @Test("a program's name cannot steer the terminal")
    func names() {
        let story = Story()
        story.happens(
            Record.created(1, 3, 1, program: "a\u{1B}[2J\nb"),
            Record.closed(1, 3, 1, MPTCPIZE_WIRE_MPTCP))
        let lines = SocketReport(command: [], end: .exited(0), sockets: story.ends()).lines()
        #expect(lines.count == 3)
        #expect(lines[1].contains(#"a\x1b[2J\nb"#))
    }

    @Test("colours leave the columns alone")
    func styled() {
        let plain = report.lines(styled: true).joined(separator: "\n").replacing(
            /\u{1B}\[[0-9]+m/, with: "")
        #expect(plain == report.lines().joined(separator: "\n"))
        #expect(report.lines(styled: true)[3].contains("\u{1B}[32mmptcp\u{1B}[0m"))
    }

    @Test(
        "numbers of bytes",
        arguments: [
            (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1999, "1.9 kB"), (10_000, "10 kB"),
            (999_999, "999 kB"), (1_500_000, "1.5 MB"), (123_456_789_012, "123 GB"),
            (UInt64.max, "18 EB"),
        ])
    func bytes(number: UInt64, text: String) { #expect(byteCount(number) == text) }

    @Test("what -d says")
    func debug() {
        let story = Story()
        story.happens(
            Record.created(100, 3, 1, program: "curl"),
            Record.created(100, 4, 2, refused: ENOPROTOOPT, program: "curl"),
            Record.remedied(100, 3, 1, option: 18, remedy: 1, error: EOPNOTSUPP),
            Record.connecting(100, 3, 1, local: "10.0.0.1:1", remote: "10.0.0.2:443"),
            Record.closed(100, 3, 1, MPTCPIZE_WIRE_FALLBACK),
            Record.accepted(100, 5, 3, local: "10.0.0.1:80", remote: "10.0.0.3:9", program: "curl"))
        #expect(
            story.news.flatMap { $0.lines } == [
                "curl[100] fd 3: MPTCP socket",
                "curl[100] fd 4: TCP socket: MPTCP is off here (net.mptcp.enabled=0)",
                "curl[100] fd 3: TCP_USER_TIMEOUT ignored (the kernel said EOPNOTSUPP)",
                "curl[100] fd 3: fell back to TCP on the wire with 10.0.0.2:443",
                "curl[100] fd 5: accepted over MPTCP from 10.0.0.3:9",
            ])
    }
}
