import TestSupport

/// Runs a program with the preload library alone, as LD_PRELOAD loads it, without the CLI.
func preloaded(
    _ arguments: [String], library: String = Products.library(),
    environment: [String: String?] = [:], in namespace: Namespace? = nil,
    timeout: Duration = .seconds(60)
) throws -> Outcome {
    // By env(1), so that what leads into the namespace does not load it too.
    try run(
        ["env", "LD_PRELOAD=\(library)"] + arguments, environment: environment, in: namespace,
        timeout: timeout)
}
