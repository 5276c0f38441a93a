import Glibc
import LinuxSystem

/// What the kernel really starts for a path: the file itself, or, for a script,
/// its interpreter.
package struct ProgramFile: Sendable {
    /// The file that is mapped in the end.
    package let path: Bytes
    /// Nil when it may be executed and not read, or is of no known format.
    package let image: ELFImage?
    /// What makes the dynamic loader ignore LD_PRELOAD.
    package let privilegeChange: PrivilegeChange?
    /// Whether a script's first line takes LD_PRELOAD out of the environment.
    package let losesPreload: Bool
    /// Whether it is known to wait for edges by what FIONREAD said: nginx and its kin.
    package let countsOnEdges: Bool

    /// The kernel follows so many interpreters of interpreters (exec_binprm in fs/exec.c).
    private static let deepest = 5
    /// env(1) starts the count anew; a script may still name itself in a circle.
    private static let mostSteps = 16

    /// Looks at what execve would do with a path, without doing it.
    ///
    /// - Parameter searchPath: The program's PATH, for `#!/usr/bin/env NAME`.
    /// - Throws: What execve would fail with, as far as that can be known beforehand.
    package init(
        _ start: Bytes, searchPath: Bytes?, on system: some LaunchSystem
    ) throws(Unrunnable) {
        var path = start
        var searchPath = searchPath
        var loses = false
        var depth = 0
        for _ in 0..<Self.mostSteps {
            try Self.checkRunnable(path, namedBy: path == start ? nil : start, on: system)
            guard let source = try? system.open(path) else {
                self.init(path: path, image: nil, losesPreload: loses, on: system)
                return
            }
            if let image = ELFImage(source) {
                if let loader = image.interpreter, (try? system.status(of: loader)) == nil {
                    throw Unrunnable(ENOENT, found: path, missing: loader)
                }
                self.init(
                    path: path, image: image, losesPreload: loses,
                    countsOnEdges: image.countsOnEdges(path, source), on: system)
                return
            }
            guard let line = ScriptLine(source.read(at: 0, count: ScriptLine.longest)) else {
                // ENOEXEC, upon which execvp has the shell read it.
                path = LaunchPlan.shell
                continue
            }
            depth += 1
            guard depth <= Self.deepest else { throw Unrunnable(ELOOP, found: start) }
            path = line.interpreter
            guard line.interpreter.lastPathComponent == Bytes("env".utf8),
                let argument = line.argument, let command = EnvCommand(argument: argument)
            else { continue }
            try Self.checkRunnable(path, namedBy: start, on: system)
            searchPath = command.path ?? searchPath
            loses = loses || command.losesPreload
            depth = 0
            let found = try? ProgramSearch.find(command.program, path: searchPath) {
                (place) throws(Unrunnable) in
                try Self.checkRunnable(place, namedBy: nil, on: system)
                return place
            }
            // What env cannot find is env's to complain about.
            path = found ?? path
        }
        self.init(path: path, image: nil, losesPreload: loses, on: system)
    }

    private init(
        path: Bytes, image: ELFImage?, losesPreload: Bool, countsOnEdges: Bool = false,
        on system: some LaunchSystem
    ) {
        self.path = path
        self.image = image
        self.losesPreload = losesPreload
        self.countsOnEdges = countsOnEdges
        privilegeChange = PrivilegeChange(path: path, on: system)
    }

    /// - Parameter script: The script that names the path as its interpreter.
    private static func checkRunnable(
        _ path: Bytes, namedBy script: Bytes?, on system: some LaunchSystem
    ) throws(Unrunnable) {
        do throws(Errno) {
            let status = try system.status(of: path)
            // execve says EACCES to both; "is a directory" says more.
            if status.isDirectory { throw Errno(rawValue: EISDIR) }
            if !status.isRegular { throw Errno(rawValue: EACCES) }
            try system.checkExecutable(path)
        } catch {
            if let script, error.rawValue == ENOENT || error.rawValue == ENOTDIR {
                throw Unrunnable(ENOENT, found: script, missing: path)
            }
            throw Unrunnable(error.rawValue, found: path)
        }
    }
}
