import LinuxSystem
import TestSupport
import Testing

@testable import ConnectionPolicy

/// The rules of a text, with the port names of a machine that has few.
private func policy(_ text: String, file: String = "rules") throws -> Policy {
    var parser = PolicyParser(file: Bytes(file.utf8), status: .failed)
    parser.services = {
        ServiceNames(
            """
            # Network services
            ftp-data 20/tcp
            ssh\t22/tcp\t\t\t# SSH Remote Login Protocol
            http 80/tcp www # WorldWideWeb HTTP
            https 443/tcp
            https 443/udp
            tftp 69/udp
            """)
    }
    return try Policy(try parser.rules(Bytes(text.utf8)), status: .failed)
}

@Suite("The language of policies")
struct PolicyTests {
    @Test("compiles every row of the table", arguments: PolicyCase.all)
    func compiles(row: PolicyCase) throws {
        let policy = try policy(row.rules.joined(separator: "\n"))
        #expect(policy.text == row.text)
        for (question, expected) in row.questions {
            let table = PolicyTable(policy.text, program: question.program.map { Bytes($0.utf8) })
            let ruling = try #require(
                table.ruling(
                    question.direction == "connect" ? .connect : .listen, question.address,
                    port: question.port))
            #expect(ruling.isTCP == expected.isTCP && ruling.rule.map { $0 + 1 } == expected.line)
        }
        for (program, expected) in row.programs {
            let table = PolicyTable(policy.text, program: program.map { Bytes($0.utf8) })
            #expect(table.forAll.rule.map { $0 + 1 } == expected.line)
        }
    }

    @Test("reads comments, blanks, line ends of other systems, and marks")
    func layout() throws {
        let text =
            "\u{FEFF}# a comment\r\n\r\n \t \n  tcp\tany loopback *  # why\r\n#tcp any * *\n"
            + "tcp any * * program '#1'\ntcp any * * program \"it's\""
        let rules = try policy(text).rules
        #expect(rules.map(\.origin.line) == [4, 6, 7])
        #expect(rules.map(\.program) == [nil, Bytes("#1".utf8), Bytes("it's".utf8)])
        #expect(rules[0].line == "tcp any loopback *")
    }

    @Test("takes names of ports, also by their aliases")
    func names() throws {
        let ports = try policy("tcp connect * ssh,www,ftp-data").rules[0].ports
        #expect(ports == [22...22, 80...80, 20...20])
    }

    @Test("passes on where rules were written, whatever the path")
    func origins() throws {
        for file in ["/etc/mptcpize/policy.conf", "--rule", "/a b;c_d=e\"%é:7/x", ":"] {
            let policy = try policy("tcp any * *\n\ntcp any * * program a_b;c", file: file)
            #expect(
                Policy.origins(ofText: policy.text)
                    == [1, 3].map { PolicyOrigin(file: Bytes(file.utf8), line: $0) })
            #expect(!policy.text.contains { " \"'%$\\\n".contains($0) })
        }
    }

    @Test(
        "says where a line is wrong, and what is allowed there",
        arguments: [
            ("deny any * *", 1, "'deny': is not an action", "mptcp or tcp"),
            ("TCP any * *", 1, "'TCP': is not an action", "mptcp or tcp"),
            ("tcp", 4, "ends where a direction", "connect, listen or any"),
            ("tcp both * *", 5, "'both': is not a direction", "connect, listen or any"),
            ("  tcp  out * *", 8, "'out': is not a direction", ""),
            ("tcp any", 8, "ends where an address", "loopback"),
            ("tcp any db.example.com *", 9, "host name", "getent ahosts db.example.com"),
            ("tcp any example *", 9, "host name", "getent"),
            ("tcp any localhost *", 9, "host name", "write loopback"),
            ("tcp any any *", 9, "not an address", "write *"),
            ("tcp any 10.0.0.0/33 *", 9, "wrong prefix length", "0 to 32"),
            ("tcp any 10.0.0.0/-1 *", 9, "wrong prefix length", "0 to 32"),
            ("tcp any 10.0.0.0/255.0.0.0 *", 9, "wrong prefix length", "0 to 32"),
            ("tcp any 2001:db8::/129 *", 9, "wrong prefix length", "0 to 128"),
            ("tcp any 10.0.0.0/ *", 9, "wrong prefix length", "LENGTH"),
            ("tcp any 10/8 *", 9, "not an address", ""),
            ("tcp any 10.0.0.256 *", 9, "not an address", ""),
            ("tcp any [::1] *", 9, "brackets", ""),
            ("tcp any fe80::1%eth0 *", 9, "interface", ""),
            ("tcp any 10.0.0.1,,10.0.0.2 *", 9, "not an address", ""),
            ("tcp any 10.0.0.1,10.0.0 *", 18, "'10.0.0': is not an address", ""),
            ("tcp any *,10.0.0.1 *", 9, "'*': must stand alone", ""),
            ("tcp any *", 10, "ends where ports", "services(5)"),
            ("tcp any * 65536", 11, "not a port or range", "1024-65535"),
            ("tcp any * 80-79", 11, "ends before it begins", ""),
            ("tcp any * 80,66000", 14, "'66000': is not a port", ""),
            ("tcp any * 1024-", 11, "not a port", ""),
            ("tcp any * +80", 11, "not a port", ""),
            ("tcp any * 80, 443", 11, "not a port", "no blanks"),
            ("tcp any * 80 443", 14, "not a condition", "commas"),
            ("tcp any * gopherish", 11, "not a TCP port's name", ""),
            ("tcp any * tftp", 11, "not a TCP port's name", ""),
            ("tcp any * * user www", 13, "'user': is not a condition", "program GLOB"),
            ("tcp any * * program", 20, "ends where a program", "glob"),
            ("tcp any * * program a program b", 23, "twice", ""),
            ("tcp any * * program \"a b", 21, "not closed", ""),
            ("tcp any * * program \"a\"b", 21, "not closed", ""),
            ("tcp any * * program /usr/bin/curl", 21, "not a file name", ""),
            ("tcp any * * program ''", 21, "not a file name", ""),
            ("tcp any é *", 9, "host name", ""),
            ("tcp é any *", 5, "'é': is not a direction", ""),
            ("tcp any 10.0.0.1 * é", 20, "'é': is not a condition", ""),
        ])
    func errors(line: String, column: Int, reason: String, remedy: String) throws {
        let failure = #expect(throws: Failure.self) { try policy("# 1\n" + line + "\n") }
        #expect(failure?.object == "rules:2:\(column)")
        let message = failure?.message ?? ""
        #expect(message.contains(reason), "\(message)")
        #expect(remedy.isEmpty || message.contains(remedy), "\(message)")
        #expect(failure?.remedy.isEmpty == false)
    }

    @Test("holds what the preload library holds, and says when it is more")
    func tooMany() throws {
        let private4 = "private,192.0.2.0/24"  // four of IPv4, as the first is three
        let most = (1...64).map { "tcp any \(private4) \($0)" }.joined(separator: "\n")
        let full = try policy(most)
        let table = PolicyTable(full.text, program: nil)
        #expect(table.ruling(.connect, "10.0.0.1", port: 64)?.isTCP == true)
        let failure = #expect(throws: Failure.self) { try policy(most + "\ntcp any 10.0.0.1 1") }
        #expect(failure?.object == "rules:65")
        #expect(failure?.reason.contains("257") == true && failure?.reason.contains("256") == true)
    }

    @Test("reads anything at random without a crash, and compiles to what can be read")
    func random() throws {
        var random = SeededGenerator(state: 14)
        let words = [
            ["tcp", "mptcp"], ["any", "connect", "listen"],
            ["loopback", "private", "*", "203.0.113.0/24,2001:db8::/32", "::ffff:1.2.3.4"],
            ["*", "443,8443", "1024-65535", "0-65535", "ssh"], ["program", "#"],
            ["\"back*\"", "\"", "é", "\u{0}", ",", "/", "-"],
        ]
        var compiled = 0
        for _ in 0..<20_000 {
            var line = Bytes()
            for place in 0..<Int.random(in: 3..<8, using: &random) {
                let isOdd = Int.random(in: 0..<8, using: &random) == 0
                let kind = isOdd ? words.randomElement(using: &random)! : words[min(place, 5)]
                line += Bytes(kind.randomElement(using: &random)!.utf8)
                let isEnd = Int.random(in: 0..<40, using: &random) == 0
                line.append(isEnd ? UInt8.random(in: 0...255, using: &random) : 0x20)
            }
            guard let rules = try? PolicyParser(file: [0x66], status: .failed).rules(line),
                let policy = try? Policy(rules, status: .failed)
            else { continue }
            compiled += policy.rules.count
            #expect(PolicyTable(policy.text, program: nil).isValid, "\(line)")
        }
        #expect(compiled > 100)
    }
}
