import CLinux
import Glibc
import Launch
import LinuxSystem

/// What `run` keeps of its reports for `check`: a file for each program with the last few of them, in
/// a directory of the user.
///
/// It is a convenience: errors of writing and reading are ignored. A file in the directory's place
/// prevents that anything is written.
package struct ReportMemory: Equatable, Sendable {
    /// Where the directory is.
    private let home: String

    /// The directory's name.
    private static let name = "mptcpize"
    private static let reportsKept = 8
    private static let programsKept = 256
    /// A file of that many reports is shorter.
    private static let longestFile = 1 << 16

    package init(in home: String) { self.home = home }

    /// `$XDG_STATE_HOME`, else /var/lib for root and `~/.local/state` for others. Nil where
    /// nobody says (XDG Base Directory Specification: a relative path is none), and in a
    /// process with AT_SECURE, which must not believe its environment.
    package static func ofThisUser() -> ReportMemory? {
        guard getauxval(UInt(AT_SECURE)) == 0 else { return nil }
        func path(_ variable: String) -> String? {
            getenv(variable).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        if let state = path("XDG_STATE_HOME") { return ReportMemory(in: state) }
        if geteuid() == 0 { return ReportMemory(in: "/var/lib") }
        return path("HOME").map { ReportMemory(in: $0 + "/.local/state") }
    }

    // MARK: - Reading and writing

    /// The last reports of a program, the newest first.
    ///
    /// - Parameter program: its path; links are followed.
    package func reports(of program: Bytes) -> [RememberedReport] {
        let path = HostSystem().realPath(of: program) ?? program
        guard let directory = try? directory(create: false) else { return [] }
        return (try? Self.read(Self.fileName(path), of: path, in: directory)) ?? []
    }

    /// Remembers one more report of a program.
    package func add(_ report: RememberedReport, for program: Bytes) {
        let path = HostSystem().realPath(of: program) ?? program
        try? write(report, path)
    }

    private func write(_ report: RememberedReport, _ path: Bytes) throws(Errno) {
        guard let directory = try directory(create: true) else { return }
        try Self.lock(directory)
        let name = Self.fileName(path)
        let older = try Self.read(name, of: path, in: directory)
        if older.isEmpty { try Self.makeRoom(in: directory) }
        let reports = ([report] + older).prefix(Self.reportsKept)
        let lines = [Self.encoded(path)] + reports.flatMap { $0.lines }
        let new = ".new"
        // What a killed run left.
        try directory.unlink(new)
        try directory.writeFile(
            new, lines.map { $0 + "\n" }.joined(), mode: 0o600, isDurable: false)
        try directory.rename(new, to: directory, as: name)
    }

    /// Another run may be writing for a moment; nobody is kept waiting for one that is stopped.
    private static func lock(_ directory: borrowing Descriptor) throws(Errno) {
        let attempts = 50
        for _ in 0..<attempts {
            if flock(directory.number, LOCK_EX | LOCK_NB) == 0 { return }
            usleep(2000)
        }
        throw Errno.last
    }

    private static func read(
        _ name: String, of path: Bytes, in directory: borrowing Descriptor
    ) throws(Errno) -> [RememberedReport] {
        guard let text = try directory.contents(name), text.utf8.count <= longestFile else {
            return []
        }
        let lines = text.split(separator: "\n").map(String.init)
        // Two paths may have the same file name.
        guard lines.first == encoded(path) else { return [] }
        return RememberedReport.parse(lines.dropFirst())
    }

    // MARK: - The directory

    /// The directory, if it is this user's and nobody else can write to it; no link is followed.
    private func directory(create: Bool) throws(Errno) -> Descriptor? {
        if create { makeHome() }
        let home: Descriptor
        do throws(Errno) {
            home = try Descriptor.open(self.home, O_RDONLY | O_DIRECTORY)
        } catch {
            if error.rawValue == ENOENT { return nil }
            throw error
        }
        if create, mkdirat(home.number, Self.name, 0o700) != 0, errno != EEXIST {
            throw Errno.last
        }
        guard let directory = try home.directory(Self.name) else { return nil }
        var status = stat()
        guard fstat(directory.number, &status) == 0, status.st_uid == geteuid(),
            status.st_mode & 0o022 == 0
        else { throw Errno(rawValue: EACCES) }
        return directory
    }

    /// Makes what is missing of the path, for this user alone.
    private func makeHome() {
        var path = ""
        for part in home.split(separator: "/") {
            path += "/\(part)"
            mkdir(path, 0o700)
        }
    }

    /// Takes the oldest files away where there are too many.
    private static func makeRoom(in directory: borrowing Descriptor) throws(Errno) {
        var files: [(age: Int, name: String)] = []
        for name in try directory.entries() {
            var status = stat()
            guard fstatat(directory.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                continue
            }
            files.append((status.st_mtim.tv_sec, name))
        }
        let surplus = files.count + 1 - programsKept
        guard surplus > 0 else { return }
        for (_, name) in files.sorted(by: <).prefix(surplus) { try directory.unlink(name) }
    }

    // MARK: - Names

    /// 64 bits of the path's FNV-1a hash, in hexadecimal.
    private static func fileName(_ path: Bytes) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in path { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }

    /// The path in one line of ASCII, whatever its bytes are.
    private static func encoded(_ path: Bytes) -> String {
        path.map { byte in
            let isPlain = (0x21..<0x7F).contains(byte) && byte != UInt8(ascii: "%")
            return isPlain ? String(UnicodeScalar(byte)) : "%" + String(byte, radix: 16)
        }.joined()
    }
}
