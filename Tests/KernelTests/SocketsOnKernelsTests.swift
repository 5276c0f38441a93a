import Foundation
import TestSupport
import Testing

@Suite(
    "mptcpize sockets and check on every kernel", .serialized, .requires(.virtualMachines),
    .requires(.flavour(.musl)))
struct SocketsOnKernelsTests {
    private struct Listing: Decodable {
        let sockets: [Row]
        let notes: [String]
    }

    private struct Row: Decodable {
        struct Subflow: Decodable {
            let state: String
            let local: String
            let remote: String
            let localId: Int
            let remoteId: Int
            let joined: Bool
            let established: Bool
            let backup: Bool
        }

        struct Process: Decodable { let program: String }

        let state: String
        let wire: String
        let local: String
        let remote: String?
        let paths: Int
        let bytesSent: Int?
        let bytesReceived: Int?
        let inode: Int
        let token: Int?
        let retransmits: Int?
        let processes: [Process]
        let subflows: [Subflow]
    }

    private func decode<Value: Decodable>(_ text: String) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Value.self, from: Data(text.utf8))
    }

    /// What the fixture knows of its sockets: numbers by their names.
    private func held(_ guest: Guest) throws -> [String: [String: Int]] {
        var result: [String: [String: Int]] = [:]
        for line in try guest.step("held").output.split(separator: "\n") where line != "ready" {
            let words = line.split(separator: " ")
            for word in words.dropFirst() {
                let parts = word.split(separator: "=")
                result[String(words[0]), default: [:]][String(parts[0])] = Int(parts[1])
            }
        }
        return result
    }

    @Test("each column is what the program knows", arguments: Guest.withMPTCP)
    func columns(kernel: String) throws {
        let guest = try Guest.booted(kernel)
        let held = try held(guest)
        let step = try guest.step("sockets")
        #expect(step.status == 0 && step.errors.isEmpty, "\(step)")
        let listing: Listing = try decode(step.output)
        #expect(listing.notes.isEmpty)
        let rows = listing.sockets.filter { $0.processes.first?.program == "held_sockets" }
        #expect(rows.count == 4, "\(step)")
        func row(_ name: String) throws -> Row {
            let inode = try #require(held[name]?["inode"])
            return try #require(rows.first { $0.inode == inode }, "\(name) \(step)")
        }
        func port(_ name: String, _ side: String) throws -> String {
            "127.0.0.1:\(try #require(held[name]?[side]))"
        }
        let listener = try row("listener")
        #expect(listener.state == "LISTEN" && listener.wire == "listening")
        #expect(listener.local == "127.0.0.1:5000" && listener.remote == nil)

        for (name, sent, received) in [("client", 3000, 2000), ("server", 2000, 3000)] {
            let row = try row(name)
            #expect(row.state == "ESTAB" && row.wire == "mptcp")
            #expect(try row.local == port(name, "local") && row.remote == port(name, "remote"))
            #expect(row.token == held[name]?["token"])
            #expect(row.bytesSent == sent && row.bytesReceived == received)
            #expect(row.paths == 2 && row.subflows.count == 2)
            let first = try #require(row.subflows.first)
            #expect(first.local == row.local && first.remote == row.remote && !first.joined)
            let second = try #require(row.subflows.last)
            let far = name == "client" ? second.local : second.remote
            #expect(far.hasPrefix("127.0.0.2:"))
            #expect(second.joined && second.established && !second.backup)
            #expect([second.localId, second.remoteId].sorted() == [0, 1])
        }

        let fallback = try row("fallback")
        #expect(fallback.wire == "fallback" && fallback.paths == 1)
        #expect(fallback.remote == "127.0.0.1:5001" && fallback.bytesSent == 700)

        let text = try guest.step("sockets text").output
        #expect(
            text.contains(
                "3 connections: 2 MPTCP (2 over several paths), 1 fell back to TCP.\n1 listener: see"
            ), "\(text)")
    }

    @Test("check finds that MPTCP works", arguments: Guest.withMPTCP)
    func works(kernel: String) throws {
        let step = try Guest.booted(kernel).step("check")
        let check: CheckReport = try decode(step.output)
        #expect(step.status == 0, "\(step)")
        let kernels = check.findings.filter { $0.subject == "kernel" }
        #expect(kernels.map(\.level) == ["ok", "ok"])
        #expect(kernels.allSatisfy { $0.text.contains("Linux \(kernel).") }, "\(step)")
        #expect(check.findings.contains { $0.subject == "limits" && $0.level != "problem" })
        #expect(check.findings.contains { $0.subject == "path manager" && $0.level == "ok" })
    }

    @Test("without MPTCP: one line says so, and check names what is missing")
    func withoutMPTCP() throws {
        let guest = try Guest.booted(Guest.withoutMPTCP)
        let sockets = try guest.step("sockets text")
        #expect(sockets.status == 0 && sockets.errors.isEmpty, "\(sockets)")
        let lines = sockets.output.split(separator: "\n")
        #expect(lines.first == "No MPTCP connections.")
        #expect(lines.count == 2 && lines[1].hasPrefix("This kernel does not list MPTCP sockets"))
        let step = try guest.step("check")
        #expect(step.status == 1)
        let check: CheckReport = try decode(step.output)
        let problems = check.findings.filter { $0.level == "problem" }
        #expect(problems.map(\.subject) == ["kernel"], "\(step)")
        #expect(problems.first?.text.contains("no MPTCP over IPv4 (EPROTONOSUPPORT)") == true)
        #expect(problems.first?.next?.contains("CONFIG_MPTCP") == true)
    }
}
