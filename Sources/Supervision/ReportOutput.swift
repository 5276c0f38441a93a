import Glibc
import LinuxSystem
import TextOutput

/// Where reports and what `-d` says go.
enum ReportOutput {
    /// Appends lines to standard error, each with our name before it.
    ///
    /// Nobody could be told of an error there.
    static func say(_ lines: [String]) {
        if lines.isEmpty { return }
        try? writeAll(lines.map { "mptcpize: \($0.printable)\n" }.joined().utf8, to: STDERR_FILENO)
    }

    static var isStyled: Bool { Terminal(STDERR_FILENO).isStyled }
}

/// The file of `-o`, opened before the program starts.
///
/// Links are followed, as by any tool that is given an output file ("-o /dev/stdout" is
/// one). An existing file keeps its contents until the report is there.
struct ReportFile: ~Copyable {
    let path: Bytes
    private let descriptor: Descriptor
    private let isNew: Bool

    init(_ path: Bytes) throws(Failure) {
        self.path = path
        do throws(Errno) {
            let flags = O_WRONLY | O_NOCTTY
            do throws(Errno) {
                descriptor = try Descriptor.open(path, flags | O_CREAT | O_EXCL, mode: 0o666)
                isNew = true
            } catch {
                guard error.rawValue == EEXIST else { throw error }
                // O_CREAT for a link to a file that is not there yet.
                descriptor = try Descriptor.open(path, flags | O_CREAT, mode: 0o666)
                isNew = false
            }
        } catch {
            throw Failure(
                .own, path.text, "cannot be written: \(error.reason)",
                remedy: "give another file to -o")
        }
    }

    var number: Int32 { descriptor.number }

    func write(_ bytes: [UInt8]) throws(Errno) {
        // Fails for what is not a regular file, where there is nothing to truncate.
        _ = ftruncate(number, 0)
        try writeAll(bytes, to: number)
    }

    /// Leaves no trace of a run that did not begin.
    func discard() { if isNew { unlink(path.cString) } }
}
