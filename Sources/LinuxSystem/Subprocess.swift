import CLinux
import Glibc

/// A program run to its end, without a shell, with its output collected.
package enum Subprocess {
    package struct Outcome: Sendable {
        /// The exit status; 128 and the signal's number after a signal, as shells say it.
        package let status: Int32
        package let output: String
        package let errors: String
    }

    /// Where the administrator's programs are, whatever PATH is: a hook of a container runtime has
    /// none, and a user's that became root by su(1) may lack these.
    private static let administratorsFolders = ["/usr/local/sbin", "/usr/sbin", "/sbin"]

    /// Starts a program of PATH, or of the administrator's folders, and waits for its end.
    ///
    /// - Parameters:
    ///   - settings: variables set in addition to mptcpize's own environment.
    ///   - input: what it reads on standard input.
    /// - Throws: the errno of posix_spawn: ENOENT where there is no such program.
    package static func run(
        _ arguments: [String], settings: [String: String] = [:], input: Bytes = []
    ) throws(Errno) -> Outcome {
        let output = try pipe()
        let errors = try pipe()
        let standardInput = try file(of: input)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (from, to) in [
            (standardInput.number, STDIN_FILENO), (output.write.number, STDOUT_FILENO),
            (errors.write.number, STDERR_FILENO),
        ] {
            posix_spawn_file_actions_adddup2(&actions, from, to)
        }
        let argv = cStrings(arguments)
        let envp = cStrings(environment(with: settings))
        defer { for string in argv + envp { free(string) } }
        var pid: pid_t = 0
        let failed = posix_spawn(&pid, try executable(arguments[0]), &actions, nil, argv, envp)
        if failed != 0 { throw Errno(rawValue: failed) }
        // With our ends of writing open, reading would never come to an end.
        _ = consume output.write
        _ = consume errors.write
        let texts = try drain(output.read.number, errors.read.number)
        var status: Int32 = 0
        _ = try retrying { waitpid(pid, &status, 0) }
        let signal = status & 0x7F
        return Outcome(
            status: signal == 0 ? (status >> 8) & 0xFF : 128 + signal,
            output: String(decoding: texts.0, as: UTF8.self),
            errors: String(decoding: texts.1, as: UTF8.self))
    }

    /// The file of a program. Folders that are named from the working folder are not looked into:
    /// another user may have written there.
    ///
    /// - Throws: ENOENT where there is none that may be run.
    private static func executable(_ program: String) throws(Errno) -> String {
        if program.contains("/") { return program }
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        let folders = path.split(separator: ":").map(String.init) + administratorsFolders
        for folder in folders where folder.hasPrefix("/") {
            let file = "\(folder)/\(program)"
            if access(file, X_OK) == 0 { return file }
        }
        throw Errno(rawValue: ENOENT)
    }

    /// Memory that reads as a file does: a pipe would have to be filled while output is read.
    private static func file(of input: Bytes) throws(Errno) -> Descriptor {
        if input.isEmpty { return try Descriptor.open("/dev/null", O_RDONLY) }
        let file = Descriptor(owning: try retrying { clinux_memory_file() })
        let number = file.number
        try writeAll(input, to: number)
        guard lseek(number, 0, SEEK_SET) == 0 else { throw Errno.last }
        return file
    }

    private struct Pipe: ~Copyable {
        let read: Descriptor
        let write: Descriptor
    }

    private static func pipe() throws(Errno) -> Pipe {
        var ends: [Int32] = [-1, -1]
        _ = try retrying { Glibc.pipe(&ends) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return Pipe(read: Descriptor(owning: ends[0]), write: Descriptor(owning: ends[1]))
    }

    /// Reads both to their ends, whichever has something first.
    private static func drain(_ first: Int32, _ second: Int32) throws(Errno) -> ([UInt8], [UInt8]) {
        var polled = [first, second].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        var texts: [[UInt8]] = [[], []]
        var buffer = [UInt8](repeating: 0, count: 65536)
        while polled.contains(where: { $0.fd >= 0 }) {
            _ = try retrying { poll(&polled, nfds_t(polled.count), -1) }
            for index in polled.indices where polled[index].fd >= 0 && polled[index].revents != 0 {
                let count = try retrying { read(polled[index].fd, &buffer, buffer.count) }
                if count == 0 { polled[index].fd = -1 }
                texts[index] += buffer[..<count]
            }
        }
        return (texts[0], texts[1])
    }

    private static func environment(with settings: [String: String]) -> [String] {
        var result = settings.map { "\($0.key)=\($0.value)" }
        var entry = environ
        while let pointer = entry.pointee {
            let variable = String(cString: pointer)
            if let equals = variable.firstIndex(of: "="),
                settings[String(variable[..<equals])] == nil
            {
                result.append(variable)
            }
            entry += 1
        }
        return result
    }

    private static func cStrings(_ strings: [String]) -> [UnsafeMutablePointer<CChar>?] {
        strings.map { strdup($0) } + [nil]
    }
}
