import ArgumentParser
import SocketInspection

/// `mptcpize events`: prints what happens to MPTCP connections, as it happens.
struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Print a line whenever an MPTCP connection begins, changes or ends.",
        discussion: """
            A line has the time, the event, the local and the remote address, the program and \
            its unit. The events are `made` (a connection that speaks MPTCP), `fallback` (a \
            connection that asked for MPTCP and continues as TCP), `joined` and `lost` (a \
            subflow), and `closed`. It runs until you interrupt it.
            """)

    @Flag(help: "Write one JSON document per line.")
    var json = false

    func run() throws {
        var watch = try EventWatch(isJSON: json)
        try watch.run()
    }
}
