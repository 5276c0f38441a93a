import Foundation
import TestSupport
import Testing

/// A machine with a real systemd as PID 1, and mptcpize installed below /usr/local.
struct ServiceMachine {
    /// Whose system it runs.
    enum System: String, CaseIterable {
        /// This machine's own, with the services that are installed here.
        case own
        case bullseye, trixie
    }

    let machine: SystemdMachine

    init(_ system: System = .own) throws {
        machine = try SystemdMachine(root: system == .own ? "/" : Lab.root(system.rawValue))
        let files = FileManager.default
        for part in Products.folders {
            try files.copyItem(
                atPath: "\(Products.directory)/\(part)", toPath: "\(machine.share)/\(part)")
        }
        let tree = Products.folders.map { "/tmp/share/\($0)" }.joined(separator: " ")
        try must("mkdir -p /usr/local && cp -a \(tree) /usr/local/")
        if system == .bullseye { try bringOwnLibraries() }
    }

    /// mptcpize was linked here, against a newer libc than that system has. (The preload
    /// library needs none.)
    private func bringOwnLibraries() throws {
        let listing = try mustRun(["ldd", Products.wholeCommand])
        let paths = listing.split(whereSeparator: \.isWhitespace).filter { $0.hasPrefix("/") }
        let libraries = "\(machine.share)/libc"
        try FileManager.default.createDirectory(
            atPath: libraries, withIntermediateDirectories: false)
        for path in Set(paths) { try mustRun(["cp", "-L", String(path), libraries]) }
        try write(
            """
            #!/bin/sh
            export MPTCPIZE_LIBRARY=/usr/local/lib
            exec /opt/libc/ld-linux-x86-64.so.2 --library-path /opt/libc /opt/mptcpize "$@"
            """, to: "/usr/local/bin/mptcpize.new")
        let folder = Products.isStarterBuilt ? "libexec" : "bin"
        try must(
            """
            mv /usr/local/\(folder)/mptcpize /opt/mptcpize; cp -a /tmp/share/libc /opt/libc
            chmod 755 /usr/local/bin/mptcpize.new
            mv /usr/local/bin/mptcpize.new /usr/local/bin/mptcpize
            """)
    }

    /// Runs a script of the shell; throws with all it said unless it succeeds.
    @discardableResult
    func must(_ script: String) throws -> String {
        try run(script).orThrow(["sh", "-c", script]).output
    }

    func run(_ script: String, timeout: Duration = .seconds(240)) throws -> Outcome {
        try machine.run(["sh", "-ec", script], timeout: timeout)
    }

    func mptcpize(_ arguments: String...) throws -> Outcome {
        try machine.run(["mptcpize"] + arguments)
    }

    func write(_ text: String, to path: String) throws {
        let aside = "\(machine.share)/text"
        try text.write(toFile: aside, atomically: true, encoding: .utf8)
        try must("mkdir -p \"$(dirname '\(path)')\"; cp /tmp/share/text '\(path)'")
    }

    /// Adds unit files, and has systemd read them.
    func add(_ units: [String: String]) throws {
        for (name, text) in units { try write(text, to: "/etc/systemd/system/\(name)") }
        try must("systemctl daemon-reload")
    }

    // MARK: What a user would notice

    /// A unit's properties, those left out that are of the moment: times, processes, load.
    func properties(of unit: String) throws -> [String: String] {
        let momentary = [
            "Timestamp", "PID", "InvocationID", "ControlGroupId", "CPUUsage", "Memory", "Tasks",
            "IO", "IPIngress", "IPEgress", "NRestarts", "StatusText", "NAccepted", "NConnections",
            "UID", "GID",
        ]
        var result: [String: String] = [:]
        for line in try must("systemctl show '\(unit)'").split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            if momentary.contains(where: { name.contains($0) }) { continue }
            // Sets have no order; ExecStart and its like end with the last run.
            let value = String(parts[1]).components(separatedBy: " ; start_time=")[0]
            result[name, default: ""] +=
                value.split(separator: " ").sorted().joined(separator: " ") + "\n"
        }
        return result
    }

    /// Where `recordEnvironment` has a unit's environment written at each start.
    private func record(of unit: String) -> String { "/run/environment-of-\(unit)" }

    /// Many a server writes its title over the environment that /proc shows: this has
    /// systemd start a command first that writes it down.
    func recordEnvironment(of unit: String) throws {
        let command = "tr '\\\\0' '\\\\n' </proc/self/environ >\(record(of: unit))"
        try add([
            "\(unit).d/00-record.conf":
                "[Service]\nExecStartPre=+/bin/sh -c \"\(command)\"\n"
        ])
    }

    /// The environment of a unit's main process, without what differs at each start.
    func environment(of unit: String) throws -> [String: String] {
        let text = try must(
            """
            if [ -e '\(record(of: unit))' ]; then cat '\(record(of: unit))'
            else tr '\\0' '\\n' </proc/$(systemctl show -P MainPID '\(unit)')/environ; fi
            """)
        var result: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            result[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
        for name in ["INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "MAINPID"] {
            result[name] = nil
        }
        return result
    }

    /// All files that units' settings are read from, with their modes, owners and contents.
    func unitFiles(below directories: String = "/etc/systemd /run/systemd/system") throws -> String
    {
        try must(
            """
            find \(directories) \\( -name transient -prune \\) -o -printf '%p %M %U:%G %l\\n' | sort
            find \(directories) \\( -name transient -prune \\) -o -type f -print0 | sort -z \
                | xargs -0 -r sha256sum
            """)
    }

    /// Connects with MPTCP as soon as somebody listens, sends a text, and tells what came back and whether the server
    /// spoke MPTCP, by the kernel's own counters.
    func talk(to port: Int, saying text: String = "") throws -> (answer: String, isMPTCP: Bool) {
        let before = try counter("MPCapableACKRX")
        try write(
            """
            import socket, sys, time
            deadline = time.monotonic() + 60
            while True:
                client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
                try:
                    client.connect(("127.0.0.1", \(port)))
                    break
                except ConnectionRefusedError:
                    client.close()
                    if time.monotonic() > deadline: raise
                    time.sleep(0.01)
            client.settimeout(60)
            client.sendall(sys.stdin.buffer.read())
            sys.stdout.write(client.recv(4096).decode("latin-1"))
            """, to: "/tmp/talk.py")
        let path = "\(machine.share)/request"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let answer = try must("python3 /tmp/talk.py </tmp/share/request")
        return (answer, try counter("MPCapableACKRX") > before)
    }

    /// Whether a server of the machine got connections over MPTCP while something was done.
    func overMPTCP(_ body: () throws -> Void) throws -> Bool {
        let before = try counter("MPCapableACKRX")
        try body()
        return try counter("MPCapableACKRX") > before
    }

    /// A counter of MPTcpExt in the machine's network namespace.
    private func counter(_ name: String) throws -> Int {
        let rows = try must("cat /proc/net/netstat").split(separator: "\n")
            .filter { $0.hasPrefix("MPTcpExt:") }.map { $0.split(separator: " ") }
        let index = try #require(rows.first?.firstIndex(of: Substring(name)))
        return try #require(Int(rows[1][index]))
    }

    /// The document of `status --json` on one unit.
    ///
    /// - Parameter settings: variables of the shell, with a space behind each.
    func status(of unit: String, settings: String = "") throws -> Status {
        let text = try must("\(settings)mptcpize status --json '\(unit)'")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let document = try decoder.decode(Status.Document.self, from: Data(text.utf8))
        return try #require(document.units.first)
    }
}

/// What `status --json` says of a unit.
struct Status: Decodable {
    struct Document: Decodable {
        let version: Int
        let units: [Status]
    }

    struct Process: Decodable {
        let pid: Int
        let program: String
        let reachedBy: String
        let sockets: Sockets
    }

    struct Sockets: Decodable {
        struct Listening: Decodable, Equatable {
            let mptcp: Int
            let tcp: Int
        }

        struct Connected: Decodable, Equatable {
            let mptcp: Int
            let fallback: Int
            let tcp: Int
        }

        let listening: Listening
        let connected: Connected
    }

    let unit: String
    let enabled: Bool
    let dropIns: [String]
    let configuration: String?
    let needsReload: Bool
    let needsRestart: Bool
    let state: String
    let processes: [Process]
    /// Of a socket unit.
    let listeners: Sockets?

    var reaches: Set<String> { Set(processes.map(\.reachedBy)) }
}
