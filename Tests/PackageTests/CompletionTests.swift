import Foundation
import TestSupport
import Testing

/// What a tab offers, in shells on a terminal of their own, beside a systemd of their own.
@Suite(
    "Completion", .requires(.systemdMachines),
    .requires(.command("bash", "zsh", "fish", "git")))
struct CompletionTests {
    enum Shell: String, CaseIterable {
        case bash, zsh, fish

        /// In the machine.
        var script: String {
            "\(CompletionTests.share)/completions/"
                + (self == .zsh ? "_mptcpize" : "mptcpize.\(rawValue)")
        }
    }

    /// Where the machine has what is needed of this checkout, which its own /tmp may hide.
    private static let share = "/tmp/share"

    private func makeMachine() throws -> SystemdMachine {
        let machine = try SystemdMachine()
        for path in Products.folders.map({ "\(Products.directory)/\($0)" }) + [
            Repository.path("completions"), Repository.path("Tests/Fixtures/complete.py"),
        ] {
            try mustRun(["cp", "-a", path, machine.share])
        }
        return machine
    }

    /// Types a line and a tab, and expects to read these on the terminal.
    private func expect(
        _ expected: String..., after line: String, _ shell: Shell, on machine: SystemdMachine,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let path = "\(Self.share)/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        let outcome = try machine.run(
            [
                "env", "PATH=\(path)", "python3", "\(Self.share)/complete.py",
                shell.rawValue, shell.script, line,
            ] + expected, timeout: .seconds(120))
        #expect(outcome.succeeded, "\(outcome)", sourceLocation: sourceLocation)
    }

    @Test("units, cgroups, programs and their arguments are offered", arguments: Shell.allCases)
    func offers(_ shell: Shell) throws {
        let machine = try makeMachine()
        try expect("enable", after: "mptcpize ena", shell, on: machine)
        // A unit that is loaded, one that has a file only, a template.
        try expect("dbus.service", after: "mptcpize enable dbus.s", shell, on: machine)
        try expect("nginx.service", after: "mptcpize status ngin", shell, on: machine)
        try expect("serial-getty@.service", after: "mptcpize enable serial-", shell, on: machine)
        try expect("preload", "bpf", after: "mptcpize enable --mode ", shell, on: machine)
        try expect("system.slice", after: "mptcpize sockets --unit system.sl", shell, on: machine)
        try expect(
            "/sys/fs/cgroup/system.slice/dbus.service",
            after: "mptcpize bpf attach --cgroup /sys/fs/cgroup/system.slice/dbus.s", shell,
            on: machine)
        try expect("systemd", after: "mptcpize sockets --program system", shell, on: machine)
        try expect("openssl", after: "mptcpize check openss", shell, on: machine)
        // From the program on, everything is as without mptcpize.
        try expect("gpasswd", after: "mptcpize run -d gpass", shell, on: machine)
        try expect("commit", after: "mptcpize run -o file git comm", shell, on: machine)
        try expect("os-release", after: "mptcpize run -o /etc/os-rel", shell, on: machine)
    }

    @Test("disable offers what is enabled, enable every unit", arguments: Shell.allCases)
    func enabledUnits(_ shell: Shell) throws {
        let machine = try makeMachine()
        let script = """
            mkdir -p /etc/systemd/system
            for name in left right; do
              printf '[Service]\\nExecStart=/bin/sleep 1000\\n' >/etc/systemd/system/only-$name.service
            done
            systemctl daemon-reload
            '\(Self.share)/bin/mptcpize' enable only-left.service
            """
        try machine.run(["sh", "-ec", script]).orThrow(["enable"])
        try expect("only-left.service", after: "mptcpize disable only-", shell, on: machine)
        try expect(
            "only-left.service", "only-right.service", after: "mptcpize enable only-", shell,
            on: machine)
    }

    /// bash expands what completion offers, command substitutions included.
    @Test("a name that another user chose is not executed", arguments: Shell.allCases)
    func hostileNames(_ shell: Shell) throws {
        let machine = try makeMachine()
        let script = """
            mkdir '/sys/fs/cgroup/a$(>${HOME}-x)' '/sys/fs/cgroup/a`>${HOME}-x`'
            mkdir /sys/fs/cgroup/a-good-one
            cp /bin/sleep '/tmp/a`>${HOME}-x`'
            '/tmp/a`>${HOME}-x`' 1000 >/dev/null 2>&1 &
            """
        try machine.run(["sh", "-ec", script]).orThrow(["mkdir"])
        try expect(
            "good-one", after: "mptcpize bpf attach --cgroup /sys/fs/cgroup/a", shell, on: machine)
        try expect("systemd", after: "mptcpize sockets --program ", shell, on: machine)
        // The shells' homes are below /tmp.
        let found = try machine.run(["find", "/tmp", "-name", "*-x"]).orThrow(["find"])
        #expect(found.output == "")
    }
}
