import ArgumentParser
import SocketInspection

/// `mptcpize events`: what happens to MPTCP connections, as it happens.
struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Tell of MPTCP connections as they are made, change and end, a line each.",
        discussion: """
            A line has a time, what happened, the local and the remote address, the program and its \
            unit: `made` (a connection that speaks MPTCP), `fallback` (one that asked for it and goes \
            on as TCP), `joined` and `lost` (a subflow), `closed`. It goes on until it is interrupted.
            """)

    @Flag(help: "One JSON document per line.")
    var json = false

    func run() throws {
        var watch = try EventWatch(isJSON: json)
        try watch.run()
    }
}
