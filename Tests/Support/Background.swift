import Foundation

/// A process that runs next to the test, and ends with this object at the latest.
///
/// It leads a process group of its own, so its children end with it. Its output goes to
/// memory files, not to pipes: the process continues without a reader, and nobody waits
/// for daemons that it leaves behind.
public final class Background: @unchecked Sendable {
    public let arguments: [String]
    public let pid: pid_t
    private let outputFile: Int32
    private let errorFile: Int32
    private let namespace: Namespace?
    private let lock = NSLock()
    private var end: Outcome.End?

    /// Starts a program, found in Environment.path unless it has a slash.
    ///
    /// - Parameters:
    ///   - environment: added to Environment.clean; nil as a value removes a variable.
    ///   - input: what standard input holds, then end of file.
    ///   - namespace: the network namespace it runs in; nil means the test's own.
    /// - Throws: POSIXError of posix_spawn: ENOENT when there is no such program.
    public convenience init(
        _ arguments: [String], environment: [String: String?] = [:], input: [UInt8] = [],
        directory: String? = nil, in namespace: Namespace? = nil
    ) throws {
        try self.init(
            (namespace?.prefix ?? []) + arguments, exactly: Environment.clean.applying(environment),
            input: input, directory: directory, in: namespace)
    }

    init(
        _ arguments: [String], exactly environment: [String: String], input: [UInt8],
        directory: String?, in namespace: Namespace? = nil
    ) throws {
        self.namespace = namespace
        let inputFile = memoryFile("input")
        defer { close(inputFile) }
        var written = 0
        while written < input.count {
            written += input.withUnsafeBytes {
                write(inputFile, $0.baseAddress! + written, $0.count - written)
            }
        }
        lseek(inputFile, 0, SEEK_SET)
        outputFile = memoryFile("output")
        errorFile = memoryFile("errors")
        self.arguments = arguments
        do {
            pid = try spawn(
                arguments, environment: environment, directory: directory,
                standardStreams: [inputFile, outputFile, errorFile])
        } catch {
            close(outputFile)
            close(errorFile)
            throw error
        }
    }

    deinit {
        if isRunning {
            killpg(pid, SIGKILL)
            _ = wait(timeout: .seconds(10))
        }
        close(outputFile)
        close(errorFile)
    }

    /// What it has written so far.
    public var output: String { String(decoding: contents(of: outputFile), as: UTF8.self) }
    public var errors: String { String(decoding: contents(of: errorFile), as: UTF8.self) }

    public var isRunning: Bool { ended() == nil }

    /// Sends a signal to the process, or to its whole group.
    public func signal(_ number: Int32, group: Bool = false) {
        guard isRunning else { return }
        _ = group ? killpg(pid, number) : kill(pid, number)
    }

    /// Waits for the end; the whole group is killed when the time is up.
    public func wait(timeout: Duration = .seconds(60)) -> Outcome {
        var end: Outcome.End = .timedOut
        if poll(within: timeout, { ended() != nil }), let own = ended() {
            end = own
        } else {
            killpg(pid, SIGKILL)
            _ = poll(within: .seconds(10)) { ended() != nil }
        }
        return Outcome(
            end: end, outputBytes: contents(of: outputFile), errorBytes: contents(of: errorFile))
    }

    /// Asks it to end, waits, and tells how it went.
    @discardableResult
    public func stop(_ number: Int32 = SIGTERM, timeout: Duration = .seconds(20)) -> Outcome {
        signal(number)
        return wait(timeout: timeout)
    }

    /// Waits until it has printed a text on either stream.
    public func waitUntilItPrints(_ text: String, timeout: Duration = .seconds(30)) throws {
        try require("prints “\(text)”", timeout) { output.contains(text) || errors.contains(text) }
    }

    /// Waits until somebody listens on a TCP or MPTCP port, in the process's network namespace.
    public func waitUntilListening(on port: Int, timeout: Duration = .seconds(30)) throws {
        try require("listens on port \(port)", timeout) { [pid, namespace] in
            // It begins in the test's own namespace, where another server may be.
            (namespace?.contains(pid) ?? true) && listeningPorts(asSeenBy: pid).contains(port)
        }
    }

    /// Waits until a condition holds; throws at once when the process has ended before.
    public func require(
        _ what: String, _ timeout: Duration = .seconds(30), _ condition: () -> Bool
    ) throws {
        let held = poll(within: timeout) { condition() || !isRunning } && condition()
        if !held { throw NeverHappened(what: what, outcome: stop(SIGKILL), arguments: arguments) }
    }

    /// How it ended, if it has.
    private func ended() -> Outcome.End? {
        lock.withLock {
            if let end { return end }
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            let signal = status & 0x7f
            end = signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal)
            return end
        }
    }
}

/// A process that never did what a test waited for.
public struct NeverHappened: Error, CustomStringConvertible {
    public let what: String
    public let outcome: Outcome
    public let arguments: [String]
    public var description: String {
        "\(arguments.joined(separator: " ")): never \(what): \(outcome)"
    }
}

extension [String: String] {
    /// The variables with changes made to them; nil removes one.
    func applying(_ changes: [String: String?]) -> [String: String] {
        var result = self
        for (name, value) in changes { result[name] = value }
        return result
    }
}

/// The ports that TCP and MPTCP sockets listen on, in a process's network namespace.
/// (The first subflow of an MPTCP listener is a TCP listener to /proc/net/tcp.)
public func listeningPorts(asSeenBy pid: pid_t) -> Set<Int> {
    var ports: Set<Int> = []
    for table in ["tcp", "tcp6"] {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/net/\(table)", encoding: .utf8)
        else { continue }
        for line in text.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            let listening = "0A"
            if fields.count > 3, fields[3] == listening,
                let port = fields[1].split(separator: ":").last.flatMap({ Int($0, radix: 16) })
            {
                ports.insert(port)
            }
        }
    }
    return ports
}
