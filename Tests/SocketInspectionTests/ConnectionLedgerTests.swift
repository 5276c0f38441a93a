import Processes
import SocketValues
import TestSupport
import Testing

@testable import SocketInspection

@Suite("What is told of connections")
struct ConnectionLedgerTests {
    private static func socket(
        _ token: UInt32, cookie: UInt64 = 1, fellBack: Bool = false, isClosed: Bool = false
    ) -> ConnectionLedger.Present {
        ConnectionLedger.Present(
            token: token, cookie: cookie, local: SocketAddress(numeric: "10.0.0.1")!,
            remote: SocketAddress(numeric: "10.0.0.2")!, isServer: false,
            owner: .init(SocketOwner(pid: 7, program: "p"), unit: "u.service"),
            fellBack: fellBack, isClosed: isClosed)
    }

    private static func told(_ events: [ConnectionEvent]) -> [String] {
        events.map { "\($0.kind) \($0.token) \($0.count ?? 1)" }
    }

    @Test("fallbacks once each; those that have ended are counted, whenever they are found")
    func fallbacks() {
        var ledger = ConnectionLedger()
        ledger.begin(with: [Self.socket(1, fellBack: true), Self.socket(2)])
        #expect(ledger.fallbacks(among: [], cause: nil, counted: 0).isEmpty)
        let seen = [Self.socket(1, fellBack: true), Self.socket(3, fellBack: true)]
        #expect(
            Self.told(ledger.fallbacks(among: seen, cause: "x", counted: 3))
                == ["fallback 3 1", "fallback 0 2"])
        // One that was made and falls back later; found before it is counted.
        let more =
            seen + [Self.socket(2, fellBack: true), Self.socket(0, cookie: 9, fellBack: true)]
        #expect(
            Self.told(ledger.fallbacks(among: more, cause: nil, counted: 1))
                == ["fallback 2 1", "fallback 0 1"])
        #expect(ledger.fallbacks(among: more, cause: nil, counted: 1).isEmpty)
        #expect(
            Self.told(ledger.fallbacks(among: more, cause: nil, counted: 1)) == ["fallback 0 1"])
    }

    @Test("after a gap: what has gone, and what is new")
    func reconciled() {
        var ledger = ConnectionLedger()
        ledger.begin(with: [Self.socket(1), Self.socket(2, fellBack: true)])
        let events = ledger.reconcile(
            with: [
                Self.socket(3), Self.socket(4, fellBack: true), Self.socket(1),
                Self.socket(2, fellBack: true, isClosed: true), Self.socket(5, isClosed: true),
            ])
        #expect(Self.told(events) == ["closed 2 1", "made 3 1", "fallback 4 1"])
        #expect(ledger.reconcile(with: [Self.socket(3), Self.socket(1)]).map(\.token) == [4])
    }

    @Test("a line keeps to one line, whatever a program calls itself")
    func lines() {
        var event = ConnectionEvent(.made)
        event.owner = .init(SocketOwner(pid: 7, program: "a\nb\u{202E}"), unit: "x\u{1B}.service")
        event.token = 0x0AAF_1140
        let line = event.line(at: 1_795_898_713_882)
        #expect(line.contains(" made     - - a\\nb\\u{202e}(7) x\\x1b.service token 0aaf1140"))
        #expect(!line.contains("\n"))
        let json = String(decoding: event.json(at: 1_795_898_713_007).line, as: UTF8.self)
        #expect(json.contains("\"time\": 1795898713.007,"))
    }
}
