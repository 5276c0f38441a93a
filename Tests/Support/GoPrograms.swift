import Foundation

extension Fixtures {
    /// The path of a static program in Go, compiled from its text once in a run, when a test first
    /// asks for it. The compiled parts of Go's own library are kept for the next program.
    ///
    /// - Parameter name: of the file, without ".go"; one for each text.
    public static func go(_ name: String, _ text: String) throws -> String {
        let program = "\(directory)/go-\(name)"
        if access(program, R_OK) == 0 { return program }
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true)
        let folder = try TemporaryDirectory()
        let source = try folder.write(text, to: "\(name).go")
        let new = "\(program).\(getpid())"
        try mustRun(
            ["go", "build", "-o", new, source],
            environment: [
                "CGO_ENABLED": "0", "GO111MODULE": "off", "GOTOOLCHAIN": "local",
                "GOCACHE": Repository.path(".build/go"), "HOME": folder.path,
            ], timeout: .seconds(300))
        // Another process may look for it meanwhile.
        guard rename(new, program) == 0 else { throw POSIXError(.EIO) }
        return program
    }
}
