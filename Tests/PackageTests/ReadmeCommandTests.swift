import Foundation
import TestSupport
import Testing

/// A reader who has just installed mptcpize, as README says, and types what README and the manual pages
/// show. Only names that stand for others are filled in.
@Suite("Commands of README", .requires(.packaging), .requires(.systemdMachines))
struct ReadmeCommandTests {
    /// What each name stands for here.
    private static let names = [
        "PROGRAM": "curl -so /dev/null http://10.77.1.2/", "[ARGUMENT…]": "", "UNIT": "web",
        "FILE": "/tmp/file",
    ]

    /// Commands that are not run here, by what they begin with or contain, and why.
    private static let others: [(String, reason: String)] = [
        ("make", "run by other tests, of the build and of the packages"),
        ("dnf install", "there is no Fedora here; RPMPackageTests install by rpm"),
        ("podman", "containers run in virtual machines: SystemdTests.ContainerTests"),
        ("--mode bpf", "trampolines, in virtual machines: KernelTests, SystemdTests.SliceTests"),
        ("mptcpize bpf", "trampolines, in virtual machines: KernelTests"),
        ("--user", "needs a systemd of a user: SystemdTests"),
        ("ssh.socket", "needs systemd 257: SystemdTests.SocketUnitTests"),
        ("example.org", "needs another host"),
        ("192.0.2.1", "needs another host: NetworkTests.CheckTwoEndedTests"),
        ("10.77.1.2:4000", "needs another host: NetworkTests.CheckTwoEndedTests"),
        ("psql", "needs a database that knows this user: ProgramTests.DatabaseTests"),
        ("squid", "a unit of another package: SystemdTests.PolicyTests"),
    ]

    /// Commands that go on until they are interrupted.
    private static let lasting = ["mptcpize events", "--watch"]

    @Test("run as they are printed on a host that README's own command has installed it on")
    func commands() throws {
        let host = try reader()
        let shown =
            try DocumentedCommand.markdown("README.md") + DocumentedCommand.manualPages()
        var typed: Set<String> = []
        var needless = Set(Self.others.map { $0.0 })
        for command in shown where !isVerbAlone(command) && typed.insert(command.text).inserted {
            let text = command.text
            if let other = Self.others.first(where: { text.hasPrefix($0.0) || text.contains($0.0) })
            {
                needless.remove(other.0)
                continue
            }
            let outcome = try host.run("cd /tmp/reader; \(line(text))")
            // A check that finds a problem says so by 1, as grep does when it finds nothing.
            let mayBeOne = text.hasPrefix("mptcpize check") || text.contains("| grep")
            var accepted: [Int32] = mayBeOne ? [0, 1] : [0]
            if isLasting(text) { accepted.append(128 + SIGINT) }
            #expect(outcome.status.map(accepted.contains) == true, "\(command): \(outcome)")
        }
        #expect(needless.isEmpty, "no document shows these any more")
        #expect(typed.count > 60)
    }

    /// The host that README speaks of: two links, a server, a service.
    private func reader() throws -> Host {
        let host = try Host()
        try host.must("mkdir /tmp/share/build /tmp/reader")
        for package in try Packages.debs() + [Packages.sharedTarball()] {
            try mustRun(["cp", package, "\(host.machine.share)/build"])
        }
        try mustRun([
            "cp", Fixtures.program("raw_socket", .staticGlibc), "\(host.machine.share)/raw",
        ])
        try host.must(
            """
            dpkg --purge --force-depends mptcpize libmptcpwrap0 2>/dev/null || true
            rm -rf /etc/mptcpize /var/lib/mptcpize /run/mptcpize
            mkdir -p /var/lib/prometheus/node-exporter
            ln -s /tmp/share/build /tmp/share/raw /tmp/reader/
            ip link add eth1 type veth peer name eth1p; ip link set eth1p up
            ip link set eth1 up; ip address add 10.77.2.1/24 dev eth1
            ip address add 10.77.1.1/32 dev lo; ip address add 10.77.1.2/32 dev lo
            mkdir /srv/files; head -c 1000000 /dev/zero >/srv/files/file
            systemctl start nginx
            """)
        try host.addService()
        try host.must("cp /etc/systemd/system/web.service /etc/systemd/system/foo@.service")
        let install = try #require(
            DocumentedCommand.markdown("README.md").first { $0.text.hasPrefix("apt install") })
        try host.must("cd /tmp/reader; \(install.text)")
        try host.must(
            """
            systemd-run --quiet mptcpize run python3 -m http.server -b 10.77.1.2 -d /srv/files 8377
            """)
        try #require(
            poll(within: .seconds(20)) {
                try host.must("ss -HltMn sport = 8377").contains(":8377")
            })
        return host
    }

    /// What is typed for a command.
    private func line(_ text: String) -> String {
        // What `check` is asked about has no arguments.
        var line = text.replacing("check PROGRAM", with: "check curl")
        for (name, value) in Self.names { line = line.replacing(name, with: value) }
        guard isLasting(text) else { return line }
        return "timeout --preserve-status --signal=INT 2 \(line)"
    }

    private func isLasting(_ text: String) -> Bool { Self.lasting.contains(where: text.contains) }

    /// Whether a sentence speaks of a verb, and not of a command.
    private func isVerbAlone(_ command: DocumentedCommand) -> Bool {
        command.isMention && command.words.count <= 2 && command.words[0] == "mptcpize"
    }
}
