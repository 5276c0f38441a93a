import Foundation
import TestSupport
import Testing

/// Rules for what stays TCP, of services.
@Suite("Policies of services", .requires(.systemdMachines))
struct PolicyTests {
    private static let unit = "answer.service"

    /// A service that answers on two ports.
    private static let service = """
        [Service]
        ExecStart=python3 -u -c "\
        import socket, select; \
        listeners = [socket.create_server(('127.0.0.1', port)) for port in (8081, 8082)]; \
        [(lambda c: (c.sendall(b'hello'), c.close()))(l.accept()[0]) \
        for _ in iter(int, 1) for l in select.select(listeners, [], [])[0]]"

        """

    private func isMPTCP(_ port: Int, on machine: borrowing ServiceMachine) throws -> Bool {
        let talk = try machine.talk(to: port)
        #expect(talk.answer.contains("hello"))
        return talk.isMPTCP
    }

    @Test("hold for the ports that they name; status tells when they have changed")
    func ports() throws {
        let machine = try ServiceMachine()
        try machine.add([Self.unit: Self.service])
        try machine.must("systemctl start \(Self.unit)")
        try machine.write("tcp listen * 8082\n", to: "/etc/mptcpize/policy.conf")
        let enabled = try machine.mptcpize("enable", "--now", Self.unit)
        #expect(enabled.succeeded, "\(enabled)")
        #expect(enabled.output.contains("port 8082 of python3"), "\(enabled)")
        #expect(enabled.output.contains("is TCP: policy (policy.conf:1)"), "\(enabled)")
        #expect(try isMPTCP(8081, on: machine) && !isMPTCP(8082, on: machine))
        let status = try machine.mptcpize("status", Self.unit).output
        #expect(status.contains("is TCP: policy (policy.conf:1)\n") && !status.contains("stale"))

        try machine.write("tcp listen * 8081\n", to: "/etc/mptcpize/policy.conf")
        #expect(
            try machine.mptcpize("status", Self.unit).output.contains(
                "stale: its settings, the rules"))
        #expect(try machine.mptcpize("enable", "--now", Self.unit).succeeded)
        #expect(try !isMPTCP(8081, on: machine) && isMPTCP(8082, on: machine))

        // Rules of this unit's own, which status looks for where they came from.
        let options = ["--policy", "none", "--rule", "tcp listen * 8082"]
        #expect(
            try machine.machine.run(["mptcpize", "enable", "--now"] + options + [Self.unit])
                .succeeded)
        #expect(try isMPTCP(8081, on: machine) && !isMPTCP(8082, on: machine))
        #expect(try !machine.mptcpize("status", Self.unit).output.contains("stale"))

        // A broken file changes nothing, and status says so.
        let files = try machine.unitFiles()
        try machine.write("tcp listen * 8o82\n", to: "/etc/mptcpize/policy.conf")
        let refused = try machine.mptcpize("enable", "--now", Self.unit)
        #expect(refused.status == 1)
        #expect(refused.errors.hasPrefix("mptcpize: /etc/mptcpize/policy.conf:1:14: '8o82'"))
        #expect(try machine.unitFiles() == files)
        #expect(try machine.mptcpize("disable", "--now", Self.unit).succeeded)
        #expect(try !isMPTCP(8081, on: machine))
    }

    @Test("keep a service TCP, a Go one that listens with MPTCP by itself too")
    func keepTCP() throws {
        let machine = try ServiceMachine()
        try machine.add([Self.unit: Self.service])
        let enabled = try machine.mptcpize("enable", "--now", "--keep-tcp", Self.unit)
        #expect(enabled.succeeded, "\(enabled)")
        try machine.must("systemctl start \(Self.unit)")
        #expect(try !isMPTCP(8081, on: machine) && !isMPTCP(8082, on: machine))
        let again = try machine.mptcpize("enable", "--now", "--keep-tcp", Self.unit)
        #expect(again.output.contains("it listens with no MPTCP socket"), "\(again)")
        let environment = try machine.environment(of: Self.unit)
        #expect(environment["GODEBUG"] == "multipathtcp=0")
        #expect(environment["MPTCPIZE_POLICY"] == "v1;tcp_any_*_*_--keep-tcp:1")
        #expect(try machine.mptcpize("status", Self.unit).output.contains("must stay TCP\n"))
    }

    @Test(
        "are in the kernel for good by a unit, and gone with it",
        .requires(.nftables))
    func kernel() throws {
        let machine = try ServiceMachine()
        try machine.add([Self.unit: Self.service])
        try machine.must("systemctl start \(Self.unit)")
        #expect(try machine.mptcpize("enable", "--now", Self.unit).succeeded)
        #expect(try isMPTCP(8082, on: machine))
        let files = try machine.unitFiles()
        try machine.write("tcp listen * 8082\n", to: "/etc/mptcpize/policy.conf")
        let applied = try machine.mptcpize("policy", "apply")
        #expect(applied.output.contains("for good (/etc/systemd/system/mptcpize-policy.service)"))
        #expect(try isMPTCP(8081, on: machine) && !isMPTCP(8082, on: machine))
        #expect(try machine.must("systemctl is-enabled mptcpize-policy") == "enabled\n")
        // As it is after a boot.
        try machine.must("nft flush ruleset; systemctl restart mptcpize-policy")
        #expect(try !isMPTCP(8082, on: machine))
        #expect(try machine.must("mptcpize policy").contains("MET"))
        let removed = try machine.mptcpize("policy", "remove")
        #expect(removed.succeeded, "\(removed)")
        #expect(try machine.must("nft list ruleset") == "")
        #expect(try machine.unitFiles() == files)
        #expect(try isMPTCP(8082, on: machine))
    }

    @Test(
        "of one unit hold in whatever cgroup it gets, and for nobody else",
        .requires(.nftables))
    func unitInKernel() throws {
        let machine = try ServiceMachine()
        let other = Self.service.replacingOccurrences(of: "(8081, 8082)", with: "(8083, 8084)")
        try machine.add([
            Self.unit: Self.service, "other.service": other,
            "rooted.service": "[Service]\nRootDirectory=/srv\nExecStart=/bin/true\n",
        ])
        try machine.must("mkdir -p /srv; systemctl start other.service")
        for unit in [Self.unit, "other.service"] {
            #expect(try machine.mptcpize("enable", "--now", unit).succeeded)
        }
        let files = try machine.unitFiles()
        // Before it runs for the first time.
        try machine.write("tcp listen * 8082,8084\n", to: "/etc/mptcpize/policy.conf")
        let applied = try machine.mptcpize("policy", "apply", "--unit", Self.unit)
        let path = "/etc/systemd/system/\(Self.unit).d/50-mptcpize-policy.conf"
        #expect(applied.output == "1 rule for \(Self.unit), whenever it starts (\(path))\n")
        try machine.must("systemctl start \(Self.unit)")
        func expectRules() throws {
            #expect(try isMPTCP(8081, on: machine) && !isMPTCP(8082, on: machine))
            #expect(try isMPTCP(8084, on: machine))
        }
        try expectRules()
        try machine.must("systemctl restart \(Self.unit)")
        try expectRules()
        try machine.must("systemctl kill -s KILL \(Self.unit); systemctl reset-failed \(Self.unit)")
        try machine.must("nft list tables; systemctl start \(Self.unit)")
        try expectRules()
        #expect(try machine.must("nft list tables").split(separator: "\n").count == 1)
        try machine.must("systemctl stop \(Self.unit)")
        #expect(try machine.must("nft list ruleset") == "")
        try machine.must("systemctl start \(Self.unit)")
        // While it runs, in the place of the older ones; named by its cgroup.
        try machine.write("tcp listen * 8081\n", to: "/etc/mptcpize/policy.conf")
        let cgroup = try machine.must("systemctl show -P ControlGroup \(Self.unit)")
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let again = try machine.mptcpize("policy", "apply", "--cgroup", "/sys/fs/cgroup\(cgroup)")
        #expect(again.output.hasSuffix(", for good (\(path))\n"), "\(again)")
        #expect(try !isMPTCP(8081, on: machine) && isMPTCP(8082, on: machine))
        let refused = try machine.mptcpize("policy", "apply", "--unit", "rooted.service")
        #expect(refused.status == 1 && refused.errors.contains("RootDirectory="), "\(refused)")
        // What enable wrote beside it stays.
        let removed = try machine.mptcpize("policy", "remove", "--unit", Self.unit)
        #expect(removed.output.hasPrefix("\(path), the table inet mptcpize_cgroup_"), "\(removed)")
        #expect(try machine.unitFiles() == files)
        #expect(try machine.must("nft list ruleset") == "")
        #expect(try isMPTCP(8081, on: machine))
        let none = try machine.mptcpize("policy", "remove", "--unit", Self.unit)
        #expect(none.output == "no rules were applied\n")
    }

    @Test(
        "of a slice hold for all that starts in it, and each time it is made",
        .requires(.nftables))
    func sliceInKernel() throws {
        let machine = try ServiceMachine()
        try machine.add([Self.unit: "\(Self.service)Slice=web.slice\n"])
        #expect(try machine.mptcpize("enable", Self.unit).succeeded)
        let files = try machine.unitFiles()
        let rules = ["--policy", "none", "--rule", "tcp listen * 8082"]
        let applied = try machine.machine.run(
            ["mptcpize", "policy", "apply", "--unit", "web.slice"] + rules)
        #expect(applied.output.hasPrefix("1 rule for web.slice, whenever it starts"), "\(applied)")
        for _ in 0..<2 {
            try machine.must("systemctl start \(Self.unit)")
            #expect(try isMPTCP(8081, on: machine) && !isMPTCP(8082, on: machine))
            try machine.must("systemctl stop web.slice")
        }
        #expect(try machine.mptcpize("policy", "remove", "--all").succeeded)
        #expect(try machine.unitFiles() == files)
        #expect(try machine.must("nft list ruleset") == "")
    }
}
