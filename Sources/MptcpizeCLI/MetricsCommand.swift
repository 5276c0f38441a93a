import ArgumentParser
import Glibc
import Launch
import LinuxSystem
import Metrics
import RunInput

/// `mptcpize metrics`: this host's numbers, for Prometheus and similar collectors.
struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print metrics of this host's MPTCP in OpenMetrics format.",
        discussion: """
            Prints connections by unit, program and wire, subflows, bytes, fallbacks by cause, \
            the kernel's counters, endpoints, enabled units, attached cgroups, rules, and the \
            results of `check` that need no trial. The text has no addresses, ports or PIDs. It \
            names at most a hundred programs.
            """)

    @Option(
        help: ArgumentHelp(
            "Replace this file in one step instead of printing, for node_exporter's textfile "
                + "collector.", valueName: "file"),
        completion: .file())
    var output: String?

    @Flag(
        help: "Answer one HTTP request on standard input and output. The socket unit uses this.")
    var http = false

    func validate() throws {
        if http, output != nil { throw ValidationError("Give only one of --output and --http.") }
    }

    func run() throws {
        if http {
            HTTPExchange(STDIN_FILENO, STDOUT_FILENO).answer { Self.collected() }
            return
        }
        let file = try output.map { (path) throws(Failure) in try MetricsFile(path) }
        let text = Exposition.both.write(Self.collected())
        if let file { return try file.write(text) }
        try Console.output(bytes: text)
    }

    private static func collected() -> [MetricFamily] {
        let locator = LibraryLocator.host(environment: ProcessInput.environment)
        var metrics = HostMetrics(locator: locator, version: Mptcpize.versionNumber)
        return metrics.collect()
    }
}
