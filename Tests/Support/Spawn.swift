import CTestSupport
import Foundation

/// An unnamed file in memory, closed on exec.
func memoryFile(_ name: String) -> Int32 {
    let file = ctest_memory_file(name)
    precondition(file >= 0, "memfd_create: \(String(cString: strerror(errno)))")
    return file
}

/// All that is in a file, without moving its offset, which a running writer shares.
func contents(of file: Int32) -> [UInt8] {
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = pread(file, &buffer, buffer.count, off_t(result.count))
        if count <= 0 { return result }
        result += buffer[..<count]
    }
}

/// Starts a program as the leader of its own process group, with default signals and
/// no other descriptors than the three given ones.
///
/// Not Foundation's Process: it cannot start a group that a timeout ends as a whole, and
/// its pipes have to be drained, daemons' ends included.
func spawn(
    _ arguments: [String], environment: [String: String], directory: String?,
    standardStreams: [Int32]
) throws -> pid_t {
    let program = arguments[0]
    guard let file = program.contains("/") ? program : Environment.find(program) else {
        throw POSIXError(.ENOENT, userInfo: [NSLocalizedDescriptionKey: "no program \(program)"])
    }
    let argv = arguments.map { strdup($0) } + [nil]
    let envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for string in argv + envp { free(string) } }
    let pid = ctest_spawn(file, argv, envp, directory, standardStreams)
    guard pid > 0 else {
        throw POSIXError(
            POSIXErrorCode(rawValue: -pid) ?? .EIO,
            userInfo: [NSLocalizedDescriptionKey: "\(file): \(String(cString: strerror(-pid)))"])
    }
    return pid
}
