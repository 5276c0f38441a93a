import ArgumentParser
import Glibc
import MptcpizeCore

/// Runs a verb's work; a Failure becomes its one line on standard error and its status.
func orExit<Result>(_ work: () throws(Failure) -> Result) throws -> Result {
    do throws(Failure) {
        return try work()
    } catch {
        try? writeAll((error.message + "\n").utf8, to: STDERR_FILENO)
        throw ExitCode(error.status.rawValue)
    }
}
