import Glibc

/// All that execve needs to start a program, decided before anything is started.
///
/// Paths, arguments and environment are C strings, never `String`: they are
/// bytes of other people's choosing, and a repair of invalid UTF-8 would name
/// another file.
public struct LaunchPlan: Sendable {
    /// The file to execute, NUL-terminated.
    public let executable: [CChar]
    /// argv, each NUL-terminated, the program's own name first.
    public let arguments: [[CChar]]
    /// environ, each "NAME=value" and NUL-terminated.
    public private(set) var environment: [[CChar]]
    /// What the user is told before the program starts, a line each, without newlines.
    public let notes: [String]

    public init(
        executable: [CChar], arguments: [[CChar]], environment: [[CChar]], notes: [String]
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.notes = notes
    }

    /// Sets a variable of the program's environment, replacing every entry of that name.
    public mutating func setEnvironment(_ name: String, _ value: String) {
        let prefix = "\(name)=".utf8.map { CChar(bitPattern: $0) }
        environment.removeAll { $0.starts(with: prefix) }
        environment.append(prefix + value.utf8.map { CChar(bitPattern: $0) } + [0])
    }
}
