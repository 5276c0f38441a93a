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

    /// What execvp has read a file of unknown format (_PATH_BSHELL of glibc's paths.h).
    static let shell = Bytes("/bin/sh".utf8)

    /// Sets a variable of the program's environment, replacing every entry of that name.
    public mutating func setEnvironment(_ name: String, _ value: String) {
        let prefix = "\(name)=".utf8.map { CChar(bitPattern: $0) }
        environment.removeAll { $0.starts(with: prefix) }
        environment.append(prefix + value.utf8.map { CChar(bitPattern: $0) } + [0])
    }

    /// Replaces this process by the program, as execvp does: what is of no format
    /// that the kernel knows is given to the shell, but for programs of a foreign
    /// machine, of which a shell would only make noise.
    ///
    /// - Returns: Only when that failed: why.
    public func execute() -> Errno {
        executing { path, argv, envp in
            _ = Glibc.execve(path, argv, envp)
            return Errno.last
        }!
    }

    /// Calls with what `execute` gives to execve, up to two times.
    ///
    /// - Parameter exec: gives back the errno of execve, or nil for success.
    /// - Returns: What the last call gave back.
    func executing(_ exec: (UnsafePointer<CChar>, CStrings, CStrings) -> Errno?) -> Errno? {
        let error = call(exec, executable, arguments)
        guard error?.rawValue == ENOEXEC else { return error }
        let program = try? HostSystem().open(Bytes(cString: executable))
        if let program, ELFReader(program) != nil { return error }
        return call(
            exec, Self.shell.cString, [Self.shell.cString, executable] + arguments.dropFirst())
    }

    /// argv, environ.
    typealias CStrings = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    /// The failure that an errno of `execute` means to the user.
    public func failure(_ error: Errno) -> Failure {
        let program = Bytes(cString: executable).text
        guard error.rawValue == E2BIG else {
            return Unrunnable(error.rawValue).failure(for: Bytes(cString: executable))
        }
        return Failure(
            .notExecutable, program,
            "its arguments and environment are longer than the kernel takes",
            remedy: "shorten them, or raise the stack limit (`ulimit -s`)")
    }

    private func call(
        _ exec: (UnsafePointer<CChar>, CStrings, CStrings) -> Errno?, _ path: [CChar],
        _ arguments: [[CChar]]
    ) -> Errno? {
        Self.withPointers(arguments) { argv in
            Self.withPointers(environment) { envp in
                path.withUnsafeBufferPointer { exec($0.baseAddress!, argv, envp) }
            }
        }
    }

    /// Lays the strings out as C has them: one after the other, and a
    /// NULL-terminated array of pointers to them.
    private static func withPointers<Result>(
        _ strings: [[CChar]],
        _ body: (CStrings) -> Result
    ) -> Result {
        var text = strings.flatMap { $0 }
        return text.withUnsafeMutableBufferPointer { text in
            var pointers: [UnsafeMutablePointer<CChar>?] = []
            pointers.reserveCapacity(strings.count + 1)
            var offset = 0
            for string in strings {
                pointers.append(text.baseAddress! + offset)
                offset += string.count
            }
            pointers.append(nil)
            return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
        }
    }
}
