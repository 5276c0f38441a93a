import TestSupport
import Testing

/// Places of LD_PRELOAD that mptcpize does not see when it plans: nothing of it may be lost.
@Suite("The administrator's library", .requires(.systemdMachines))
struct AdministratorsLibraryTests {
    private static let unit = "[Service]\nType=oneshot\nExecStart=/usr/bin/env -0\n"

    @Test(
        "is kept, or the unit is refused and left as it was",
        arguments: ServiceMachine.System.allCases)
    func places(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        try machine.write(
            "[Manager]\nManagerEnvironment=LD_PRELOAD=/init.so\n",
            to: "/etc/systemd/system.conf.d/passed.conf")
        try machine.add([
            "unread.service": Self.unit, "each@.service": Self.unit,
            "each@own.service.d/10.conf": "[Service]\nEnvironment=LD_PRELOAD=/own.so\n",
            "unknown.service": Self.unit + "Environment=LD_PRELOAD=/%z.so\n",
            "passed.service": Self.unit + "PassEnvironment=LD_PRELOAD\n",
        ])
        try notReadYet(machine)
        try ofAnInstance(machine)
        let files = try machine.unitFiles()
        let refused = try machine.mptcpize("enable", "unknown.service")
        #expect(
            refused.status == 1
                && refused.errors.contains("with the drop-in, systemd sets LD_PRELOAD to nothing"),
            "\(refused)")
        #expect(try machine.unitFiles() == files)
        #expect(try machine.mptcpize("enable", "passed.service").succeeded)
        #expect(try preload("passed.service", machine).hasPrefix("/init.so:/"))
    }

    /// A folder that is new since systemd looked, and that 247 does not notice.
    private func notReadYet(_ machine: ServiceMachine) throws {
        try machine.must("systemctl start unread.service")
        try machine.write(
            "[Service]\nEnvironment=LD_PRELOAD=/late.so\n",
            to: "/etc/systemd/system/unread.service.d/10.conf")
        let enabled = try machine.mptcpize("enable", "unread.service")
        #expect(enabled.succeeded, "\(enabled)")
        #expect(try preload("unread.service", machine).hasPrefix("/late.so:/"))
        let again = try machine.mptcpize("enable", "unread.service")
        #expect(again.succeeded && again.output.contains("already"), "\(again)")
        #expect(try machine.mptcpize("disable", "unread.service").succeeded)
        #expect(try preload("unread.service", machine) == "/late.so")
    }

    private func ofAnInstance(_ machine: ServiceMachine) throws {
        let refused = try machine.mptcpize("enable", "each@.service")
        #expect(refused.status == 1, "\(refused)")
        #expect(refused.errors.contains("each@own.service: has its own LD_PRELOAD"), "\(refused)")
        #expect(refused.errors.contains("`mptcpize enable each@own.service` first"), "\(refused)")
        for unit in ["each@own", "each@.service"] {
            let enabled = try machine.mptcpize("enable", unit)
            #expect(enabled.succeeded, "\(enabled)")
        }
        #expect(try preload("each@own.service", machine).hasPrefix("/own.so:/"))
        #expect(try preload("each@other.service", machine).hasPrefix("/usr/local/"))
        for unit in ["each@own", "each@.service"] {
            #expect(try machine.mptcpize("disable", unit).succeeded)
        }
        #expect(try preload("each@own.service", machine) == "/own.so")
    }

    /// LD_PRELOAD as a unit has it.
    private func preload(_ unit: String, _ machine: ServiceMachine) throws -> String {
        try machine.must(
            "systemctl show -P Environment '\(unit)' | tr ' ' '\\n' | tr -d '\"\\\\' "
                + "| sed -n 's/^LD_PRELOAD=//p'"
        ).split(separator: "\n").first.map(String.init) ?? ""
    }
}
