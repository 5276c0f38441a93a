import Foundation

/// Runs a command to its end. See Background for the parameters. When the time is up, what
/// still runs of its process group is killed, and the outcome's end is `timedOut`.
@discardableResult
public func run(
    _ arguments: [String], environment: [String: String?] = [:], input: String = "",
    directory: String? = nil, in namespace: Namespace? = nil, timeout: Duration = .seconds(60)
) throws -> Outcome {
    try Background(
        arguments, environment: environment, input: Array(input.utf8), directory: directory,
        in: namespace
    ).wait(timeout: timeout)
}

/// Runs a command that has to succeed, and gives back what it wrote on standard output.
@discardableResult
public func mustRun(
    _ arguments: [String], environment: [String: String?] = [:], input: String = "",
    directory: String? = nil, in namespace: Namespace? = nil, timeout: Duration = .seconds(60)
) throws -> String {
    try run(
        arguments, environment: environment, input: input, directory: directory, in: namespace,
        timeout: timeout
    ).orThrow(arguments).output
}

/// Tries a condition every 2 ms until it holds or the time is up; tells whether it held.
@discardableResult
public func poll(within limit: Duration, _ condition: () throws -> Bool) rethrows -> Bool {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while true {
        if try condition() { return true }
        if clock.now >= deadline { return false }
        usleep(2000)
    }
}
