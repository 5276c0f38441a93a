import Foundation
import TestSupport
import Testing

/// The role of packaging/ansible, run by Ansible itself on a host with a systemd.
@Suite(
    "Ansible role", .requires(.packaging), .requires(.systemdMachines),
    .requires(.command("ansible-playbook", "ansible-lint")))
struct AnsibleTests {
    @Test("Ansible's own checker has nothing to object")
    func lint() throws {
        let outcome = try run(
            ["ansible-lint", "--offline", "--profile", "production", "roles/mptcpize"],
            environment: ["HOME": Self.home.path, "NO_COLOR": "1"],
            directory: Repository.path("packaging/ansible"), timeout: .seconds(120))
        #expect(outcome.succeeded, "\(outcome)")
    }

    @Test("Debian packages: foretold, changed, unchanged, taken back, and the host is as before")
    func debs() throws {
        let host = try prepared(Packages.debs().filter { !$0.hasSuffix("i386.deb") })
        let before = try traces(on: host)
        #expect(try play(host, "--check") > 0)
        #expect(try traces(on: host) == before)
        try expectInstalled(on: host)
        #expect(try play(host, "--check") == 0)
        #expect(try play(host, state: "absent") > 0)
        #expect(try !host.listensWithMPTCP())
        #expect(try play(host, state: "absent") == 0)
        let difference = try traces(on: host).symmetricDifference(before)
        #expect(difference.isEmpty, "\(difference.sorted())")
    }

    @Test("the tarball: what makes no sense fails with the reason, and is taken back")
    func refused() throws {
        let host = try prepared([Packages.sharedTarball()])
        let before = try traces(on: host)
        let rules = try attempt(host, [#"{"mptcpize_policy": ["tcp sideways * 9"]}"#])
        #expect(rules.output.contains("'sideways': is not a direction"), "\(rules)")
        let unit = try attempt(
            host, [#"{"mptcpize_policy": [], "mptcpize_units": [{"name": "nosuch"}]}"#])
        #expect(unit.output.contains("nosuch.service"), "\(unit)")
        // What is there already is not unpacked again.
        #expect(!unit.output.contains("changed: [localhost] => (item=/tmp/share/mptcpize-"))
        let option = try attempt(host, [#"{"mptcpize_metrics": ["carrier pigeon"]}"#])
        #expect(option.output.contains("must be one or more of: http, file"), "\(option)")
        for outcome in [rules, unit, option] { #expect(!outcome.succeeded) }
        #expect(try play(host, state: "absent") > 0)
        let difference = try traces(on: host).symmetricDifference(before)
        #expect(difference.isEmpty, "\(difference.sorted())")
    }

    // MARK: Steps

    /// Each file where packages, mptcpize and the role put some.
    private func traces(on host: Host) throws -> Set<Substring> {
        let listing = try host.must(
            """
            find /etc /etc/systemd/system /run/mptcpize /srv /usr/local /var/lib/mptcpize -xdev \\
              -printf '%y %m %p %l\\n' 2>/dev/null || true
            find /usr/bin /usr/lib /usr/share -xdev -name '*mptcpize*'
            ls /var/cache/mptcpize-packages 2>/dev/null || true
            """)
        return Set(listing.split(separator: "\n"))
    }

    private static let home = try! TemporaryDirectory()

    /// A host with a service, without mptcpize, that has the role and the files to install.
    private func prepared(_ files: [String]) throws -> Host {
        let host = try Host()
        try host.bring(Repository.path("packaging/ansible/roles"))
        try host.bring(Repository.path("Tests/Fixtures/site.yml"))
        for file in files { try host.bring(file) }
        let names = files.map { "\"/tmp/share/\(URL(fileURLWithPath: $0).lastPathComponent)\"" }
        try "{\"files\": [\(names.joined(separator: ", "))]}".write(
            toFile: "\(host.machine.share)/files.json", atomically: true, encoding: .utf8)
        try host.must(
            """
            dpkg --purge --force-depends mptcpize libmptcpwrap0 2>/dev/null || true
            rm -rf /etc/mptcpize /var/lib/mptcpize /run/mptcpize; mkdir -p /srv/metrics
            """)
        try host.addService()
        try host.must("cp /etc/systemd/system/web.service /etc/systemd/system/other.service")
        return host
    }

    /// Runs the playbook, and tells how many tasks changed something.
    private func play(_ host: Host, _ options: String..., state: String = "present") throws -> Int {
        let outcome = try attempt(host, ["mptcpize_state=\(state)"], options: options)
            .orThrow(["ansible-playbook"])
        let changed = outcome.output.firstMatch(of: #/changed=([0-9]+)/#).flatMap { Int($0.1) }
        return try #require(changed, "\(outcome)")
    }

    private func attempt(
        _ host: Host, _ variables: [String], options: [String] = []
    ) throws -> Outcome {
        try host.machine.run(
            [
                "env", "ANSIBLE_PIPELINING=1", "ANSIBLE_ROLES_PATH=/tmp/share/roles",
                "ANSIBLE_NOCOLOR=1",
                "LC_ALL=C.UTF-8", "ansible-playbook", "--inventory", "localhost,", "--connection",
                "local", "--extra-vars", "@/tmp/share/files.json",
            ] + variables.flatMap { ["--extra-vars", $0] } + options + ["/tmp/share/site.yml"],
            timeout: .seconds(240))
    }

    private func expectInstalled(on host: Host) throws {
        #expect(try play(host) > 0)
        #expect(try host.listensWithMPTCP())
        let status = try host.must("PATH=$PATH:/usr/local/bin; mptcpize status")
        #expect(status.contains("web.service: enabled") && !status.contains("stale"), "\(status)")
        #expect(
            try host.must("cat /etc/mptcpize/policy.conf")
                == "# Written by Ansible.\ntcp any * 9\ntcp connect private * program psql\n")
        try host.must("systemctl is-active mptcpize-metrics.socket")
        #expect(try !host.run("systemctl is-enabled mptcpize-metrics.timer").succeeded)
        let process = "systemctl show --property MainPID --value web"
        let pid = try host.must(process)
        #expect(try play(host) == 0)
        #expect(try host.must(process) == pid)
    }
}
