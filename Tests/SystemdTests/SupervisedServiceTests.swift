import Foundation
import TestSupport
import Testing

/// `run --report` as a unit's own program: for the service manager and for the service, it is as
/// if mptcpize were not there.
@Suite("Services under run --report", .requires(.systemdMachines))
struct SupervisedServiceTests {
    private static func unit(_ settings: String) -> String {
        """
        [Service]
        Type=notify
        WatchdogSec=4
        TimeoutStartSec=30
        FileDescriptorStoreMax=4
        StandardError=file:/run/report
        \(settings)
        ExecStart=/usr/local/bin/mptcpize run --report /usr/bin/python3 /opt/service.py 8000

        """
    }

    private static let variables = ["LISTEN_PID", "WATCHDOG_PID", "SYSTEMD_EXEC_PID"]

    private func machine(_ system: ServiceMachine.System) throws -> ServiceMachine {
        let machine = try ServiceMachine(system)
        let program = try String(
            contentsOfFile: Repository.path("Tests/Fixtures/activated_service.py"), encoding: .utf8)
        try machine.write(program, to: "/opt/service.py")
        return machine
    }

    private func show(_ machine: ServiceMachine, _ property: String) throws -> String {
        try machine.must("systemctl show --value -p \(property) service.service")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func wait(_ machine: ServiceMachine, _ property: String, _ value: String) throws {
        try machine.must(
            """
            for i in $(seq 300); do
                [ "$(systemctl show --value -p \(property) service.service)" != '\(value)' ] || exit 0
                sleep 0.1
            done
            systemctl show service.service; exit 1
            """)
    }

    @Test(
        "activation, readiness, watchdog, descriptors to keep and the exit status are the program's",
        arguments: ServiceMachine.System.allCases)
    func activated(system: ServiceMachine.System) throws {
        let machine = try machine(system)
        try machine.add([
            "service.socket": "[Socket]\nListenStream=127.0.0.1:8000\n",
            "service.service": Self.unit(""),
        ])
        try machine.must("systemctl start service.socket")
        // 247 does not set SYSTEMD_EXEC_PID; 258 sets LISTEN_PIDFDID too.
        let named = try machine.talk(to: 8000, saying: "environment").answer
            .split(whereSeparator: \.isWhitespace).map(String.init)
        #expect(Set(named).isSuperset(of: ["LISTEN_PID", "WATCHDOG_PID"]), "\(named)")
        let present = try machine.must(
            "tr '\\0' '\\n' </proc/$(systemctl show --value -p MainPID service)/environ")
        for name in Self.variables where present.contains("\(name)=") {
            #expect(named.contains(name))
        }
        #expect(try show(machine, "ActiveState") == "active")
        #expect(try show(machine, "StatusText") == "ready, 1 handed over")
        let main = try show(machine, "MainPID")
        #expect(try machine.must("cat /proc/\(main)/comm") != "python3\n")
        #expect(try machine.talk(to: 8000, saying: "store").answer == "True\n")
        #expect(try show(machine, "NFileDescriptorStore") == "1")
        // Fed for longer than it bears hunger.
        try machine.must("sleep 6")
        #expect(try show(machine, "ActiveState") == "active")
        _ = try machine.talk(to: 8000, saying: "exit 3")
        try wait(machine, "Result", "exit-code")
        #expect(try show(machine, "ExecMainStatus") == "3")
        #expect(try show(machine, "StatusText") == "ending")
        #expect(try machine.must("cat /run/report").contains("PROGRAM"))

        try machine.must("systemctl reset-failed service; systemctl start service.socket")
        #expect(try machine.talk(to: 8000, saying: "hang").answer == "hung\n")
        try wait(machine, "Result", "watchdog")
    }

    @Test(
        "what its children tell counts as NotifyAccess= says, also of a service without privileges",
        arguments: [ServiceMachine.System.own, .trixie])
    func children(system: ServiceMachine.System) throws {
        let machine = try machine(system)
        for user in ["root", "nobody"] {
            for (access, status) in [("main", "ready, 0 handed over"), ("all", "of a child")] {
                try machine.add([
                    "service.service": Self.unit("NotifyAccess=\(access)\nUser=\(user)")
                ])
                // The manager looks up whose a message is when it comes to it: often enough to
                // be late.
                for _ in 0..<5 {
                    try machine.must("systemctl start service.service")
                    let answer = try machine.talk(to: 8000, saying: "status-of-child").answer
                    #expect(answer == "status 0\n")
                    let seen = try show(machine, "StatusText")
                    #expect(seen == status, "\(user), \(access)")
                    try machine.must("systemctl stop service.service")
                }
                #expect(try show(machine, "Result") == "success")
            }
        }
    }

    /// Anybody can send to the socket: another unit, a user's unit of the same name. What comes with
    /// such a message is closed while the program goes on.
    @Test("what others tell in its place is dropped, and holds nothing up")
    func strangers() throws {
        let machine = try machine(.own)
        let stranger = try String(
            contentsOfFile: Repository.path("Tests/Fixtures/notifying_stranger.py"),
            encoding: .utf8)
        try machine.write(stranger, to: "/opt/stranger.py")
        try machine.add(["service.service": Self.unit("NotifyAccess=all")])
        try machine.must("systemctl start service.service")
        let group = "user.slice/user-1000.slice/user@1000.service/app.slice/service.service"
        for place in ["", "$(findmnt -n -o TARGET -t cgroup2 | head -n 1)/\(group)"] {
            try machine.must(
                """
                pid=$(pgrep -f '^/usr/bin/python3 /opt/service.py')
                python3 /opt/stranger.py "$pid" 'by a stranger' \(place)
                """)
            // Its own messages come through at once, and nothing of the other's stays.
            #expect(try show(machine, "StatusText") == "ready, 0 handed over")
            let answer = try machine.talk(to: 8000, saying: "status-of-child").answer
            #expect(answer == "status 0\n")
            #expect(try show(machine, "StatusText") == "of a child")
            try machine.must("systemctl restart service.service")
        }
    }
}
