import Foundation
import TestSupport
import Testing

/// `mptcpize` as it was built, and its JSON taken apart.
enum CommandLineTool {
    static func run(
        _ arguments: String..., in namespace: Namespace? = nil
    ) throws -> Outcome {
        try TestSupport.run([Products.mptcpize] + arguments, in: namespace)
    }

    /// The sockets of `mptcpize sockets --json` with more arguments.
    static func sockets(_ arguments: String..., in namespace: Namespace?) throws -> [Row] {
        let text = try mustRun(
            [Products.mptcpize, "sockets", "--json"] + arguments, in: namespace)
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        return try #require(document["sockets"] as? [[String: Any]]).map(Row.init)
    }

    /// The findings of `mptcpize check --json`.
    static func findings(_ arguments: String..., in namespace: Namespace?) throws -> [Row] {
        let outcome = try TestSupport.run(
            [Products.mptcpize, "check", "--json"] + arguments, in: namespace)
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.outputBytes)) as? [String: Any],
            "\(outcome)")
        let findings = try #require(document["findings"] as? [[String: Any]]).map(Row.init)
        let hasProblem = findings.contains { $0["level"] == "problem" }
        #expect(outcome.status == (hasProblem ? 1 : 0))
        return findings
    }
}

/// An object of a document.
struct Row: CustomStringConvertible {
    private let members: [String: Any]

    init(_ members: [String: Any]) { self.members = members }

    subscript(name: String) -> String? { members[name] as? String }

    func number(_ name: String) -> Int? { (members[name] as? NSNumber)?.intValue }
    func flag(_ name: String) -> Bool? { members[name] as? Bool }
    func row(_ name: String) -> Row? { (members[name] as? [String: Any]).map(Row.init) }
    func rows(_ name: String) -> [Row] { (members[name] as? [[String: Any]] ?? []).map(Row.init) }

    var description: String { "\(members)" }
}

/// Programs that hold sockets, in Python: whether they are MPTCP is in their source.
enum SocketHolder {
    /// Runs statements with s() making an MPTCP socket and t() a TCP one, waits until it is
    /// done with them, and keeps the sockets open until it is stopped.
    ///
    /// - Parameter options: those of `mptcpize run`, under which it runs; nil: on its own.
    static func start(
        _ statements: String, environment: [String: String?] = [:], under options: [String]? = nil,
        in namespace: Namespace
    ) throws -> Background {
        let script = """
            import socket, sys, time
            def s(family=socket.AF_INET): return made(family, 262)
            def t(family=socket.AF_INET): return made(family, 0)
            def made(family, protocol):
                made = socket.socket(family, socket.SOCK_STREAM, protocol)
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                return made
            def listening(made, port, host=""):
                made.bind((host, port)); made.listen(4096); return made
            def connected(made, host, port):
                made.connect((host, port)); return made
            \(statements)
            print("ready", flush=True)
            time.sleep(600)
            """
        let launcher = options.map { [Products.mptcpize, "run"] + $0 + ["--"] } ?? []
        let holder = try Background(
            launcher + ["python3", "-c", script], environment: environment, in: namespace)
        try holder.waitUntilItPrints("ready", timeout: .seconds(120))
        return holder
    }
}
