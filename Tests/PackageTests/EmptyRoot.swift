import Foundation
import TestSupport
import Testing

/// A root file system with a static busybox and musl, and nothing else: no C library of the GNU
/// project's, no loader of this machine's. Packages of other distributions are installed into it.
struct EmptyRoot {
    private let directory = try! TemporaryDirectory()

    var path: String { directory.file("root") }

    init() throws {
        let musl = try Fixtures.program("endings", .musl)
        let script = """
            mkdir -p "$0/usr/bin" "$0/usr/lib" "$0/proc" "$0/dev" "$0/etc" "$0/tmp" "$0/var/lib" "$0/run"
            ln -s usr/bin "$0/bin"; ln -s usr/lib "$0/lib"
            cp -L "$(command -v busybox)" "$0/usr/bin/busybox"
            cp "$1" "$0/endings"
            cp -L /lib/ld-musl-x86_64.so.1 "$0/usr/lib/ld-musl-x86_64.so.1"
            chroot "$0" /usr/bin/busybox --install -s /usr/bin
            """
        try mustRun(["sh", "-ec", script, path, musl])
    }

    /// What a script of busybox's shell prints there.
    @discardableResult
    func run(_ script: String) throws -> String {
        try mounted(["chroot", path, "/bin/sh", "-ec", script])
    }

    /// What a command prints that works on it, with the /proc and /dev that scriptlets find on any
    /// system. What Debian's prerm could not take back would be a failure.
    @discardableResult
    func mounted(_ command: [String]) throws -> String {
        let script = """
            mount -t proc proc "$0/proc"; mount --rbind /dev "$0/dev"; "$@"
            """
        let outcome = try TestSupport.run(
            ["unshare", "--mount", "sh", "-ec", script, path] + command, timeout: .seconds(120)
        ).orThrow(command)
        #expect(!outcome.errors.contains("see above"), "\(outcome)")
        return outcome.output
    }

    /// The mptcpize in it is the one that was built, and a program of musl's uses MPTCP under it.
    func expectMPTCP(sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(
            try run("mptcpize --version") == mustRun([Products.mptcpize, "--version"]),
            sourceLocation: sourceLocation)
        let report = try run(
            "mptcpize run --json -o /report /endings close >/dev/null; cat /report; rm /report")
        let sockets = try Report(json: Data(report.utf8))
        #expect(
            sockets.summary.mptcp > 0 && sockets.summary.tcp == 0, "\(report)",
            sourceLocation: sourceLocation)
    }

    /// All but package managers' own notes and the folders that every system has.
    func files() throws -> [String] {
        try mustRun([
            "find", path, "(", "-name", ".rpmdb", "-o", "-path", "*/var/lib/rpm", "-o", "-name",
            "*pacman*", ")", "-prune", "-o", "(", "!", "-type", "d", "-o", "-name", "*mptcpize*",
            "-o", "-name", "*-linux-gnu", "-o", "-name", "containers", ")", "-print",
        ]).split(separator: "\n").map(String.init).sorted()
    }
}
