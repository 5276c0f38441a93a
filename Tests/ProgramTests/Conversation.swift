import Foundation
import TestSupport

/// A server and a client, as they are packaged, and what they say to each other.
///
/// In all texts `%DIR%` stands for a directory of the conversation's own, where all the
/// commands run, and `%SERVER%` and `%SERVER6%` for the server's addresses.
struct Conversation: Sendable {
    /// Files written before anything runs, by their names in the directory.
    var files: [String: String] = [:]
    /// Commands that run once before anything else: keys, databases, programs to compile.
    var preparation: [[String]] = []

    /// The server, in the foreground.
    var server: [String]
    /// What leads to a server that cannot be started as it is: put before mptcpize.
    var serverPrefix: [String] = []
    /// The port that it listens on when it is ready.
    var port: Int
    /// What it prints when it is ready, where it listens before it serves anybody.
    var ready: String?
    /// The server serves one client, then ends by itself.
    var serverEnds = false
    var serverInput = ""
    var serverEnvironment: [String: String?] = [:]

    var client: [String]
    var clientInput = ""
    /// The client's exit status, without mptcpize as with it.
    var status: Int32 = 0
    /// Files or directories that the client makes: as much part of the result as its output.
    var produces: [String] = []
    /// Both read all that is sent to them before they close. Of what is not read, any part may
    /// still be on its way, and is in one end's report only.
    var readsToTheEnd = true
    /// Takes out of each of the client's outputs what differs from one run to the next.
    var normalise: @Sendable (String) -> String = { $0 }
}

/// What a conversation looks like to its user: equal with and without mptcpize.
struct Result: Equatable, CustomStringConvertible {
    let clientEnd: Outcome.End
    let serverEnd: Outcome.End
    let output: String
    let errors: String
    /// Of each file that the client made, its path and content.
    let files: [String: Data]

    var description: String {
        let sizes = files.keys.sorted().map { "\($0) (\(files[$0]!.count) bytes)" }
        return """
            client \(clientEnd), server \(serverEnd), files: \(sizes.joined(separator: ", "))
            --- stdout, \(output.utf8.count) bytes, ends with
            \(output.suffix(500))
            --- stderr
            \(errors.suffix(2000))
            """
    }
}

/// `count` lines of text, none like the other: a file to send.
func lines(_ count: Int) -> String {
    (1...count).map { "line \($0) of \(count)\n" }.joined()
}
