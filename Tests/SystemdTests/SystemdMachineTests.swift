import Foundation
import TestSupport
import Testing

@Suite("A systemd of one's own")
struct SystemdMachineTests {
    @Test("starts services, and is gone afterwards", .requires(.systemdMachines))
    func lifecycle() throws {
        var machine: SystemdMachine? = try SystemdMachine()
        #expect(try machine?.run(["systemctl", "is-active", "dbus"]).output == "active\n")
        try Data("hello".utf8).write(
            to: URL(fileURLWithPath: "\(try #require(machine?.share))/greeting"))
        let service = [
            "systemd-run", "--pipe", "--wait", "--collect", "cat", "/tmp/share/greeting",
        ]
        #expect(try machine?.run(service).output == "hello")
        machine = nil
        let cgroups = try mustRun(["find", "/sys/fs/cgroup", "-name", "mptcpize-\(getpid())-*"])
        #expect(cgroups.isEmpty)
    }
}
