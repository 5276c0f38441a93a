import Foundation
import TestSupport
import Testing

@Suite(
    "mptcpize sockets --watch", .requires(.namespaces), .requires(.mptcp),
    .requires(.command("python3")))
struct WatchTests {
    private let namespace = try! Namespace("watch")

    /// `mptcpize sockets --watch` on a terminal of a shell's, with what is done there.
    private func onTerminal(
        _ steps: [String], term: String? = "xterm", arguments: [String] = []
    ) throws -> String {
        let outcome = try run(
            ["python3", Repository.path("Tests/Fixtures/terminal_job.py")] + steps
                + ["--", Products.mptcpize, "sockets", "--watch", "0.2"] + arguments,
            environment: ["TERM": term], in: namespace, timeout: .seconds(300)
        ).orThrow(steps)
        return outcome.output
    }

    /// The end of a drawing: a key that is typed before it comes throws the rest away.
    private static let redrawn = "await=\\e[J"

    /// What was drawn, without what moves and erases, a line each. (Behind it, the terminal
    /// shows the key that was typed.)
    private func lines(ofScreen screen: String) -> [String] {
        let drawn = screen.components(separatedBy: "\u{1B}[J")[0].unicodeScalars
        // "\r\n" would be one character.
        let text = String(String.UnicodeScalarView(drawn.filter { $0 != "\r" }))
        return text.replacing(#/\e\[[0-9;?]*[A-Za-z]/#, with: "").components(separatedBy: "\n")
    }

    private func tenConnections(talking: Bool = false) throws -> Background {
        try SocketHolder.start(
            """
            l = listening(s(), 4555, "127.0.0.1"); k = []
            for _ in range(10): k += [connected(s(), "127.0.0.1", 4555), l.accept()[0]]
            import threading
            def talk():
                while True: k[0].sendall(b"x" * 1000); k[1].recv(100000); time.sleep(0.01)
            if \(talking ? "True" : "False"): threading.Thread(target=talk, daemon=True).start()
            """, in: namespace)
    }

    @Test("it redraws in place with rates, follows the window's size, and leaves it clean")
    func terminal() throws {
        let holder = try tenConnections(talking: true)
        let redrawn = Self.redrawn
        let text = try onTerminal(
            ["size=24x160", redrawn, redrawn, redrawn, "size=4x40", redrawn, redrawn, "type=3"])
        #expect(text.hasSuffix("\nstatus 0\n"), "\(text.suffix(200))")
        let screens = text.components(separatedBy: "\u{1B}[H")
        #expect(screens[0].contains("\u{1B}[?1049h"), "the alternate screen")
        let end = "\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"
        #expect(text.hasSuffix("\(end)\nstatus 0\n"), "cursor and screen come back")
        #expect(lines(ofScreen: screens[2])[0].contains("SENT/S"))
        // SENT RECEIVED SENT/S RECEIVED/S, each a number and its unit, then RETRANS.
        let rate = #/ [0-9.]+ [kMG]?B +0 B +[1-9][0-9.]* [kM]?B +0 B +[0-9]+ /#
        #expect(screens[2...].contains { $0.contains(rate) }, "\(screens[2])")
        let last = lines(ofScreen: try #require(screens.last))
        #expect(last.count == 4, "as many as the window has: \(last)")
        #expect(last.last?.hasPrefix("… ") == true && last.last?.contains("more lines") == true)
        #expect(last.allSatisfy { $0.count <= 40 })
        withExtendedLifetime(holder) {}
    }

    @Test("Ctrl-Z gives the shell its screen back, and fg draws again")
    func stopped() throws {
        let redrawn = Self.redrawn
        let text = try onTerminal(
            ["size=24x80", redrawn, "type=26", "await=<stopped>", "continue", redrawn, "type=3"])
        #expect(text.hasSuffix("\nstatus 0\n"), "\(text.suffix(200))")
        let parts = text.components(separatedBy: "<stopped>")
        try #require(parts.count == 2)
        #expect(parts[0].hasSuffix("\u{1B}[?25h\u{1B}[?1049l"), "\(parts[0].suffix(100))")
        #expect(parts[1].hasPrefix("\u{1B}[?1049h\u{1B}[?25l"), "\(parts[1].prefix(100))")
    }

    @Test("terminals of any size, and one that does not tell", arguments: ["1x1", "2x7", "0x0"])
    func sizes(size: String) throws {
        let holder = try tenConnections()
        let redrawn = Self.redrawn
        let text = try onTerminal(["size=\(size)", redrawn, redrawn, "type=3"])
        #expect(text.hasSuffix("\nstatus 0\n"), "\(text.suffix(200))")
        let (rows, columns) =
            switch size {
            case "1x1": (1, 1)
            case "2x7": (2, 7)
            default: (24, 80)
            }
        for screen in text.components(separatedBy: "\u{1B}[H").dropFirst() {
            let drawn = lines(ofScreen: screen)
            #expect(drawn.count <= rows && drawn.allSatisfy { $0.count <= columns }, "\(drawn)")
        }
        withExtendedLifetime(holder) {}
    }

    @Test("a terminal that takes no escape sequences gets none", arguments: ["dumb", nil])
    func withoutEscapes(term: String?) throws {
        let shown = "await=No MPTCP"
        let text = try onTerminal(["size=24x80", shown, shown, "type=3"], term: term)
        #expect(text.hasSuffix("\nstatus 0\n"), "\(text.suffix(200))")
        #expect(!text.contains("\u{1B}"))
    }

    @Test("it ends with its terminal")
    func hungUp() throws {
        let text = try onTerminal(["size=24x80", Self.redrawn, "end"])
        #expect(text.contains(#/\nstatus (0|-1)\n$/#), "\(text.suffix(200))")
    }

    @Test("into a pipe, with --json: a document a line, until nobody reads any more")
    func documents() throws {
        let output = try mustRun(
            ["sh", "-c", "\"$0\" sockets --watch 0.1 --json | head -n 3", Products.mptcpize],
            in: namespace)
        let lines = output.split(separator: "\n")
        #expect(lines.count == 3)
        for line in lines {
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
        }
    }

    @Test("a full disk is an error, in one line")
    func fullDisk() throws {
        let outcome = try run(
            ["sh", "-c", "exec \"$0\" sockets --watch 0.1 >/dev/full", Products.mptcpize],
            in: namespace)
        #expect(outcome.status == 1, "\(outcome)")
        #expect(outcome.errors == "mptcpize: standard output: No space left on device\n")
    }

    @Test("nohup(1) keeps it from the end of its terminal")
    func nohup() throws {
        let watch = try Background(
            ["nohup", Products.mptcpize, "sockets", "--watch", "0.1", "--json"], in: namespace)
        func count() -> Int { watch.output.split(separator: "\n").count }
        try watch.require("begins") { count() > 0 }
        watch.signal(SIGHUP)
        let before = count()
        try watch.require("goes on") { count() > before + 2 }
        #expect(watch.stop().end == .exited(0))
    }

    @Test("a program that ends and comes back is watched on")
    func comingBack() throws {
        func holder() throws -> Background {
            try SocketHolder.start(
                """
                open("/proc/self/comm", "w").write("comes-and-goes")
                l = listening(s(), 4555, "127.0.0.1"); c = connected(s(), "127.0.0.1", 4555)
                """, in: namespace)
        }
        let first = try holder()
        let watch = try Background(
            [Products.mptcpize, "sockets", "--watch", "0.1", "--program", "comes-and-goes"],
            in: namespace)
        func last() -> String { watch.output.components(separatedBy: "\n\n").dropLast().last ?? "" }
        try watch.require("lists it") { last().contains("127.0.0.1:4555") }
        first.stop()
        try watch.require("says that it is gone") {
            last().contains("comes-and-goes: no process of this name runs")
        }
        let second = try holder()
        try watch.require("lists it again") { last().contains("127.0.0.1:4555") }
        #expect(watch.stop().end == .exited(0))
        withExtendedLifetime(second) {}
    }
}
