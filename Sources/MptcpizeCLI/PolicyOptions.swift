import ArgumentParser
import ConnectionPolicy
import LinuxSystem

/// Which rules keep sockets TCP, for the verbs that put rules in force.
struct PolicyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A file of rules for what stays TCP, instead of /etc/mptcpize's; or none.",
            valueName: "file"),
        completion: .file())
    var policy: String?

    @Option(
        help: ArgumentHelp(
            "A rule before those of files: 'tcp connect loopback *'. Can be given again.",
            discussion: "See policy.conf(5)."))
    var rule: [String] = []

    @Flag(help: "Keep everything TCP, also what the program makes MPTCP itself.")
    var keepTcp = false

    var places: PolicyPlaces {
        var places = PolicyPlaces()
        if let policy { places.setFiles(Bytes(policy.utf8)) }
        places.rules = rule.map { Bytes($0.utf8) }
        places.keepsTCP = keepTcp
        return places
    }
}
