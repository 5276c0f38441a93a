import Foundation
import TestSupport

/// A conversation made ready to take place, as often as wanted.
struct Rehearsal {
    let conversation: Conversation
    let directory: TemporaryDirectory

    init(_ conversation: Conversation) throws {
        self.conversation = conversation
        directory = try TemporaryDirectory()
        // Servers that give up root have to reach their files.
        chmod(directory.path, 0o755)
        for (name, text) in conversation.files {
            try directory.write(fill(text), to: name)
        }
        for command in conversation.preparation {
            try mustRun(command.map(fill), directory: directory.path, timeout: .seconds(120))
        }
    }

    /// Has it take place in namespaces of its own.
    func perform(_ arrangement: Arrangement) throws -> Performance {
        let stage = try Stage(mptcp: arrangement.isMPTCPEnabled)
        let clientReport = directory.file("client-report.json")
        let serverReport = directory.file("server-report.json")

        let server = try Background(
            conversation.serverPrefix.map(fill)
                + mptcpized(
                    conversation.server.map(fill),
                    report: arrangement.isServerMptcpized ? serverReport : nil),
            environment: conversation.serverEnvironment,
            input: Array(conversation.serverInput.utf8), directory: directory.path,
            in: stage.server)
        try server.waitUntilListening(on: conversation.port)
        if let ready = conversation.ready { try server.waitUntilItPrints(ready) }
        let client = try run(
            mptcpized(
                conversation.client.map(fill),
                report: arrangement.isClientMptcpized ? clientReport : nil),
            input: fill(conversation.clientInput), directory: directory.path, in: stage.client)
        if conversation.serverEnds {
            _ = server.wait(timeout: .seconds(20))
        } else {
            try waitUntilConnectionsEnd(server, in: stage.server)
        }
        let serverOutcome = server.stop()

        var files: [String: Data] = [:]
        for name in conversation.produces {
            try collect(name, into: &files)
            try? FileManager.default.removeItem(atPath: directory.file(name))
        }
        return try Performance(
            arrangement: arrangement,
            result: Result(
                clientEnd: client.end, serverEnd: serverOutcome.end,
                output: conversation.normalise(client.output),
                errors: conversation.normalise(client.errors), files: files),
            client: Side(
                name: "client", counters: stage.client.counters(),
                report: arrangement.isClientMptcpized ? Report(file: clientReport) : nil),
            server: Side(
                name: "server", counters: stage.server.counters(),
                report: arrangement.isServerMptcpized ? Report(file: serverReport) : nil),
            clientErrors: client.errors, serverErrors: serverOutcome.errors)
    }

    private func fill(_ text: String) -> String {
        text.replacing("%DIR%", with: directory.path)
            .replacing("%SERVER6%", with: Stage.serverAddress6)
            .replacing("%SERVER%", with: Stage.serverAddress)
    }

    /// Reads a file, or all files of a directory but git's own.
    private func collect(_ name: String, into files: inout [String: Data]) throws {
        var isDirectory: ObjCBool = false
        let path = directory.file(name)
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            return
        }
        guard isDirectory.boolValue else {
            files[name] = try Data(contentsOf: URL(fileURLWithPath: path))
            return
        }
        for entry in try FileManager.default.contentsOfDirectory(atPath: path) where entry != ".git"
        {
            try collect("\(name)/\(entry)", into: &files)
        }
    }
}

/// What one end looked like: to the kernel, and to mptcpize.
struct Side {
    let name: String
    /// MPTcpExt counters of its namespace, from the namespace's birth.
    let counters: [String: Int]
    /// nil without mptcpize.
    let report: Report?
}

/// One time that a conversation took place.
struct Performance {
    let arrangement: Arrangement
    let result: Result
    let client: Side
    let server: Side
    /// As written, not normalised.
    let clientErrors: String
    let serverErrors: String
}

/// A command under mptcpize with its report in a file; itself without a file.
func mptcpized(_ command: [String], report: String?) -> [String] {
    guard let report else { return command }
    return [Products.mptcpize, "run", "--report", "--json", "-o", report, "--"] + command
}
