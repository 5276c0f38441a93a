import ArgumentParser

/// The command `mptcpize`: one file per verb, each parses, calls MptcpizeCore, renders.
@main
struct Mptcpize: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mptcpize",
        abstract: "Let existing programs use Multipath TCP without changing them.",
        subcommands: [SocketsCommand.self])
}
