import Foundation
import TestSupport
import Testing

extension Requirement {
    /// What packages are built and looked at with.
    static let packaging = Requirement("root, dpkg-dev, lintian and mmdebstrap") {
        geteuid() == 0
            && ["dpkg-deb", "dpkg-shlibdeps", "lintian", "mmdebstrap"].allSatisfy {
                Environment.find($0) != nil
            }
    }
}

/// What `make deb` and `make tarball` write, made once for all tests.
enum Packages {
    private static let directory = Result {
        let directory = try TemporaryDirectory()
        try mustRun(
            [Repository.path("scripts/deb"), directory.path], timeout: .seconds(300))
        return directory
    }

    /// The three packages; the command's is the last one.
    static func debs() throws -> [String] {
        let directory = try directory.get()
        return try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
            .map(directory.file)
    }

    private static let rpmDirectory = Result {
        let directory = try TemporaryDirectory()
        let tarball = try Packages.tarball(in: directory)
        try mustRun(
            [Repository.path("scripts/rpm"), directory.file("rpm"), tarball],
            timeout: .seconds(300))
        return directory
    }

    /// The tarball that the RPM packages are made of.
    static func sharedTarball() throws -> String {
        let directory = try rpmDirectory.get()
        let name = try FileManager.default.contentsOfDirectory(atPath: directory.path)
            .first { $0.hasSuffix(".tar.gz") }
        return directory.file(try #require(name))
    }

    /// The three RPM packages: the command, and the library for i686 and for x86_64.
    static func rpms() throws -> [String] {
        let folder = try rpmDirectory.get().file("rpm")
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            .map { "\(folder)/\($0)" }
    }

    static func tarball(
        in directory: TemporaryDirectory, environment: [String: String?] = [:],
        umask: String = "022"
    ) throws -> String {
        // The toolchain's place is in it.
        let path = ["PATH": ProcessInfo.processInfo.environment["PATH"]]
        return try mustRun(
            [
                "sh", "-c", "umask \(umask); exec \"$0\" \"$1\"",
                Repository.path("scripts/tarball"),
                directory.path,
            ],
            environment: path.merging(environment) { first, _ in first }, timeout: .seconds(300)
        ).split(separator: "\n").last.map(String.init)!
    }
}

/// A system that packages are tried on, and what the tests do there.
struct Host {
    let machine: SystemdMachine

    /// A copy of this system, which has rpm.
    init() throws { machine = try SystemdMachine() }

    init(_ suite: String) throws { machine = try SystemdMachine(root: Lab.root(suite)) }

    /// Brings a file there, as /tmp/share/NAME.
    func bring(_ path: String) throws {
        let name = URL(fileURLWithPath: path).lastPathComponent
        try FileManager.default.copyItem(atPath: path, toPath: "\(machine.share)/\(name)")
    }

    /// Runs a script of the shell; throws with all it said unless it succeeds.
    @discardableResult
    func must(_ script: String) throws -> String {
        try run(script).orThrow(["sh", "-ec", script]).output
    }

    func run(_ script: String) throws -> Outcome {
        try machine.run(["sh", "-ec", script], timeout: .seconds(120))
    }

    /// A Python program that connects to itself.
    static let connection = """
        python3 -c 'import socket
        listener = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(listener.getsockname())
        server, peer = listener.accept()
        client.send(b"x"); server.recv(1)'
        """

    /// Runs a program there under mptcpize, and sees that what it connected is MPTCP.
    func expectMPTCP(
        _ program: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try must("rm -f /tmp/share/report; mptcpize run --json -o /tmp/share/report \(program)")
        let report = try Report(file: "\(machine.share)/report")
        #expect(report.summary.mptcp == 2, "\(report)", sourceLocation: sourceLocation)
        #expect(report.summary.tcp == 0, "\(report)", sourceLocation: sourceLocation)
    }

    /// A service that listens, named "web".
    func addService() throws {
        try must(
            """
            printf '[Service]\\nExecStart=/usr/bin/python3 -m http.server -b 127.0.0.1 8000\\n' \
              >/etc/systemd/system/web.service
            systemctl daemon-reload; systemctl start web
            """)
    }

    /// Whether the service listens with MPTCP, once it listens.
    func listensWithMPTCP() throws -> Bool {
        try #require(
            poll(within: .seconds(20)) { try must("ss -Hltn sport = 8000").contains(":8000") })
        return try must("ss -HlMn").contains(":8000")
    }

    /// Every file, link and directory with its kind, but for what changes by itself and the
    /// package manager's own notes.
    func files() throws -> [String] {
        try must(
            """
            find / -xdev \\( -path /var/lib/dpkg -o -path /var/log -o -path /var/cache \
              -o -path /var/lib/systemd -o -path /var/tmp -o -path /root -o -name __pycache__ \\) \
              -prune -o -printf '%y %m %p %l\\n'
            find /etc/systemd/system -printf '%y %m %p %l\\n'
            """
        ).split(separator: "\n").map(String.init).sorted()
    }
}
