import Glibc
import LinuxSystem

/// Everything that execve needs to start a program, decided before anything is started.
///
/// Paths, arguments and environment are C strings, never `String`: others choose
/// their bytes, and a repair of invalid UTF-8 would name another file.
package struct LaunchPlan: Sendable {
    /// The file to execute, NUL-terminated.
    package let executable: [CChar]
    /// argv, each NUL-terminated, the program's own name first.
    package let arguments: [[CChar]]
    /// environ, each "NAME=value" and NUL-terminated.
    package private(set) var environment: [[CChar]]
    /// What the user is told before the program starts, a line each, without newlines.
    package internal(set) var notes: [String]
    /// What is started, if it is known to wait for edges by what FIONREAD said.
    package internal(set) var countingOnEdges: Bytes?
    /// The file name of the image that runs: of the interpreter, for a script.
    package internal(set) var image: Bytes?
    /// Whether it is a Go program that does what GODEBUG says, and more by itself.
    package internal(set) var isGo = false
    /// Whether it has privileges of its file that PR_SET_NO_NEW_PRIVS would take away.
    package internal(set) var losesPrivileges = false
    /// Set where the preload library does not get into the program, until `settle`.
    var unreached: Unreached?

    struct Unreached {
        let reach: Reach
        let subject: Reach.Subject
    }

    package init(
        executable: [CChar], arguments: [[CChar]], environment: [[CChar]], notes: [String]
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.notes = notes
    }

    /// Whether only the kernel can make the program's sockets MPTCP.
    package var needsKernel: Bool {
        guard case .never(let obstacle)? = unreached?.reach else { return false }
        return obstacle.isReachedByKernel
    }

    /// Whether nothing is left to decide, and nothing to tell: the preload library gets into the
    /// program.
    package var isComplete: Bool { unreached == nil && notes.isEmpty && !isGo }

    /// Notes what the user is told about a program that needs the kernel.
    package mutating func settle(_ answer: Reach.KernelAnswer) {
        guard let program = unreached else { return }
        unreached = nil
        if case .go(let version) = program.reach {
            // Only where it is to stay TCP, which GODEBUG does unless the program itself decides.
            return notes.append(
                program.subject.line("built by \(version.text): \(answer.consequenceForGo)"))
        }
        notes += [
            program.reach.note(for: program.subject, userSetsGoDebug: false, kernel: answer)
        ].compactMap { $0 }
    }

    /// What execvp has read a file of unknown format (_PATH_BSHELL of glibc's paths.h).
    static let shell = Bytes("/bin/sh".utf8)

    /// Sets a variable of the program's environment, replacing every entry of that name.
    package mutating func setEnvironment(_ name: String, _ value: String) {
        let prefix = "\(name)=".utf8.map { CChar(bitPattern: $0) }
        environment.removeAll { $0.starts(with: prefix) }
        environment.append(prefix + value.utf8.map { CChar(bitPattern: $0) } + [0])
    }

    /// A variable of the program's environment.
    package func variable(_ name: String) -> Bytes? {
        LaunchEnvironment(environment.map { Bytes(cString: $0) }).value(of: name)
    }

    /// The plan that execvp turns to when the kernel knows no format of the file
    /// (ENOEXEC): the shell reads it. Nil for programs of a foreign machine, of which
    /// a shell would only make noise.
    package var throughShell: LaunchPlan? {
        let program = try? HostSystem().open(Bytes(cString: executable))
        if let program, ELFReader(program) != nil { return nil }
        return LaunchPlan(
            executable: Self.shell.cString,
            arguments: [Self.shell.cString, executable] + arguments.dropFirst(),
            environment: environment, notes: notes)
    }

    /// Replaces this process by the program, as execvp does.
    ///
    /// - Parameter byShell: Whether the shell is to read a file of unknown format.
    /// - Returns: Only when that failed: why.
    package func execute(byShell: Bool = true) -> Failure {
        var error = Self.execve(executable, arguments, environment)
        if byShell, error.rawValue == ENOEXEC, let shell = throughShell {
            error = Self.execve(shell.executable, shell.arguments, environment)
        }
        return failure(error)
    }

    /// What the user is told when execve refused the program.
    package func failure(_ error: Errno) -> Failure {
        let program = Bytes(cString: executable)
        guard error.rawValue == E2BIG else {
            return Unrunnable(error.rawValue).failure(for: program)
        }
        return Failure(
            .notExecutable, program.text,
            "its arguments and environment are longer than the kernel allows",
            remedy: "shorten them, or raise the stack limit (`ulimit -s`)")
    }

    private static func execve(
        _ path: [CChar], _ arguments: [[CChar]], _ environment: [[CChar]]
    ) -> Errno {
        withPointers(arguments) { argv in
            withPointers(environment) { envp in
                _ = Glibc.execve(path, argv, envp)
                return Errno.last
            }
        }
    }

    /// Lays the strings out as C has them: one after the other, and a
    /// NULL-terminated array of pointers to them.
    private static func withPointers<Result>(
        _ strings: [[CChar]],
        _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var text: [CChar] = []
        text.reserveCapacity(strings.reduce(0) { $0 + $1.count })
        for string in strings { text += string }
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
