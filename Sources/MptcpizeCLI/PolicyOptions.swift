import ArgumentParser
import ConnectionPolicy
import LinuxSystem

/// Which rules keep sockets TCP, for the verbs that put rules in force.
struct PolicyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Read the rules from this file instead of /etc/mptcpize; or none.",
            valueName: "file"),
        completion: .file())
    var policy: String?

    @Option(
        help: ArgumentHelp(
            "A rule to apply before those of files: 'tcp connect loopback *'. Can be repeated.",
            discussion: "See policy.conf(5)."))
    var rule: [String] = []

    @Flag(help: "Keep all sockets TCP, also those that the program itself makes MPTCP.")
    var keepTcp = false

    var places: PolicyPlaces {
        var places = PolicyPlaces()
        if let policy { places.setFiles(Bytes(policy.utf8)) }
        places.rules = rule.map { Bytes($0.utf8) }
        places.keepsTCP = keepTcp
        return places
    }
}
