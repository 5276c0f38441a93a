import Foundation
import TestSupport
import Testing

/// Units from everywhere that systemd takes them from, by every name that they go by, with
/// settings from every place that has some for them.
@Suite("Units of all kinds", .requires(.systemdMachines))
struct UnitKindTests {
    private static let jemalloc = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"

    /// What answers on a port.
    private static func relay(_ port: Int) -> String {
        "/usr/bin/socat TCP-LISTEN:\(port),fork,reuseaddr PIPE"
    }

    private static func service(_ port: Int) -> String {
        "[Service]\nExecStart=\(relay(port))\n"
    }

    /// Enables and disables a running unit as it is typed, and sees what its sockets are.
    ///
    /// - Returns: what LD_PRELOAD and GODEBUG were in between.
    @discardableResult
    private func enableAndDisable(
        _ typed: String, _ unit: String, port: Int, on machine: borrowing ServiceMachine
    ) throws -> (preload: String, goDebug: String) {
        let note = Comment(rawValue: typed)
        #expect(try machine.talk(to: port, saying: "x") == ("x", false), note)
        let files = try machine.unitFiles(below: "/etc /run/systemd/system")
        let properties = try machine.properties(of: unit)
        let enabled = try machine.run("mptcpize enable --now \(typed)")
        #expect(enabled.output.hasPrefix("\(unit): enabled ("), "\(enabled)")
        #expect(try machine.talk(to: port, saying: "x") == ("x", true), note)
        let status = try machine.status(of: unit)
        #expect(status.configuration == "current" && !status.needsRestart, note)
        #expect(status.reaches == ["preload"], note)
        let environment = try machine.environment(of: unit)
        let disabled = try machine.run("mptcpize disable --now \(typed)")
        #expect(disabled.output.hasPrefix("\(unit): disabled ("), "\(disabled)")
        #expect(try machine.talk(to: port, saying: "x") == ("x", false), note)
        #expect(try machine.properties(of: unit) == properties, note)
        #expect(
            try machine.unitFiles(below: "/etc /run/systemd/system") == files, note)
        return (environment["LD_PRELOAD"] ?? "", environment["GODEBUG"] ?? "")
    }

    @Test(
        "a vendor's, the administrator's, linked, generated ones",
        arguments: ServiceMachine.System.allCases)
    func origins(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        try machine.write(Self.service(8001), to: "/usr/lib/systemd/system/vendor.service")
        try machine.write(Self.service(8002), to: "/usr/local/lib/systemd/system/local.service")
        try machine.write(Self.service(8003), to: "/opt/linked.service")
        try machine.write(
            "#!/bin/sh\nprintf '[Service]\\nExecStart=\(Self.relay(8004))\\n' >$1/made.service\n",
            to: "/etc/systemd/system-generators/make")
        try machine.must(
            """
            chmod 755 /etc/systemd/system-generators/make
            systemctl link /opt/linked.service; systemctl daemon-reload
            systemctl start vendor local linked made
            """)
        // bullseye's /lib is no link.
        let directories =
            ["/usr/lib/systemd/system"] + (system == .bullseye ? [] : ["/lib/systemd/system"])
        for typed in ["vendor"] + directories.map({ $0 + "/vendor.service" }) {
            try enableAndDisable(typed, "vendor.service", port: 8001, on: machine)
        }
        try machine.must("cd /usr/lib/systemd/system; mptcpize enable ./vendor.service")
        try machine.must("cd /usr/lib/systemd; mptcpize disable system/vendor.service")
        for typed in ["local", "/usr/local/lib/systemd/system/local.service"] {
            try enableAndDisable(typed, "local.service", port: 8002, on: machine)
        }
        for typed in ["linked", "/opt/linked.service"] {
            try enableAndDisable(typed, "linked.service", port: 8003, on: machine)
        }
        try enableAndDisable("made", "made.service", port: 8004, on: machine)
        // A file that systemd does not use.
        try machine.must("cp /opt/linked.service /opt/other.service")
        for path in ["/tmp/vendor.service", "/opt/other.service"] {
            #expect(try machine.run("mptcpize enable \(path)").status == 1)
        }
    }

    /// systemd makes a unit of the script, and knows of no main process.
    @Test(
        "a script in /etc/init.d", arguments: [ServiceMachine.System.own, .bullseye])
    func script(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        try machine.write(
            """
            #!/bin/sh
            ### BEGIN INIT INFO
            # Provides: legacy
            # Required-Start:
            # Required-Stop:
            # Default-Start: 2 3 4 5
            # Default-Stop: 0 1 6
            # Short-Description: a relay
            ### END INIT INFO
            case $1 in
                start) \(Self.relay(8001)) & echo $! >/run/legacy.pid ;;
                stop)
                    pid=$(cat /run/legacy.pid)
                    kill "$pid"
                    # Who starts next has its port.
                    while [ -e "/proc/$pid" ]; do sleep 0.01; done
                    ;;
            esac

            """, to: "/etc/init.d/legacy")
        try machine.must(
            "chmod 755 /etc/init.d/legacy; systemctl daemon-reload; systemctl start legacy")
        #expect(try machine.must("systemctl show -P MainPID legacy") == "0\n")
        #expect(try machine.talk(to: 8001, saying: "x") == ("x", false))
        let enabled = try machine.mptcpize("enable", "--now", "legacy")
        #expect(enabled.succeeded, "\(enabled)")
        #expect(try machine.talk(to: 8001, saying: "x") == ("x", true))
        #expect(try machine.status(of: "legacy").reaches == ["preload"])
        let again = try machine.mptcpize("enable", "--now", "legacy")
        #expect(again.output.contains("was enabled already"))
        #expect(try machine.mptcpize("disable", "--now", "legacy").succeeded)
        #expect(try machine.talk(to: 8001, saying: "x") == ("x", false))
    }

    @Test(
        "names that systemd-escape(1) makes, and the commands that are named with them",
        arguments: ServiceMachine.System.allCases)
    func escapedNames(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        // Their drop-ins cannot win by Environment=: there is a file of variables beside them.
        let variables = "/etc/default/variables"
        try machine.write("LD_PRELOAD=\(Self.jemalloc)\n", to: variables)
        let own = try machine.must("systemd-escape --suffix=service 'a b-c'").trimmingCharacters(
            in: .newlines)
        let instance = try machine.must("systemd-escape --template=t@.service 'x y/8002'")
            .trimmingCharacters(in: .newlines)
        #expect(own.contains("\\") && instance.contains("\\"))
        try machine.write(
            Self.service(8001) + "EnvironmentFile=\(variables)\n", to: "/etc/systemd/system/\(own)")
        try machine.write(
            Self.service(8002) + "EnvironmentFile=\(variables)\n",
            to: "/etc/systemd/system/t@.service")
        try machine.must("systemctl daemon-reload; systemctl start '\(own)' '\(instance)'")
        for (unit, port) in [(own, 8001), (instance, 8002)] {
            let kept = try enableAndDisable("'\(unit)'", unit, port: port, on: machine)
            #expect(kept.preload.hasPrefix(Self.jemalloc + ":/"))
            #expect(kept.goDebug == "multipathtcp=1")

            // What it says is to be typed next does it.
            let said = try machine.must("mptcpize enable '\(unit)'")
            let next = try #require(said.split(separator: "`").dropFirst().first)
            try machine.must(String(next))
            #expect(try machine.talk(to: port, saying: "x") == ("x", true))
            let before = try machine.must("mptcpize disable '\(unit)'")
            let then = try #require(before.split(separator: "`").dropFirst().first)
            try machine.must(String(then))
            #expect(try machine.talk(to: port, saying: "x") == ("x", false))
        }
    }

    @Test(
        "drop-ins for a type of unit and for a prefix of names",
        arguments: ServiceMachine.System.allCases)
    func dropIns(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        try machine.add([
            "a-b-c.service": Self.service(8001),
            "a-.service.d/10-prefix.conf": "[Service]\nEnvironment=GODEBUG=x=1\n",
            "service.d/10-all.conf": "[Service]\nEnvironment=LD_PRELOAD=\(Self.jemalloc)\n",
        ])
        try machine.must("systemctl start a-b-c")
        let early = try enableAndDisable("a-b-c", "a-b-c.service", port: 8001, on: machine)
        #expect(early.preload.hasPrefix(Self.jemalloc + ":/"))
        #expect(early.goDebug == "x=1,multipathtcp=1")

        // Applied after ours, whatever directory they are in.
        try machine.add([
            "a-b-.service.d/90-prefix.conf": "[Service]\nEnvironment=GODEBUG=y=1\n",
            "service.d/90-all.conf": "[Service]\nEnvironment=LD_PRELOAD=\(Self.jemalloc)\n",
        ])
        try machine.must("systemctl restart a-b-c")
        let late = try enableAndDisable("a-b-c", "a-b-c.service", port: 8001, on: machine)
        #expect(late.preload.hasPrefix(Self.jemalloc + ":/"))
        #expect(late.goDebug == "y=1,multipathtcp=1")

        try machine.add(["service.d/95-none.conf": "[Service]\nUnsetEnvironment=LD_PRELOAD\n"])
        let refused = try machine.mptcpize("enable", "a-b-c")
        #expect(refused.errors.contains("service.d/95-none.conf has UnsetEnvironment=LD_PRELOAD"))
    }

    @Test("an instance that its template is enabled for")
    func instance() throws {
        let machine = try ServiceMachine()
        try machine.add([
            "t@.service": Self.service(8001).replacingOccurrences(of: "8001", with: "%i")
        ])
        try machine.must("systemctl start t@8001; mptcpize enable --now t@.service")
        var status = try machine.status(of: "t@8001")
        #expect(status.enabled && status.configuration == "current")
        #expect(status.dropIns == ["/etc/systemd/system/t@.service.d/50-mptcpize.conf"])
        #expect(
            try machine.must("mptcpize disable t@8001")
                == "t@8001.service: was not enabled; it uses MPTCP by t@.service: "
                + "`mptcpize disable t@.service`\n")
        #expect(try machine.talk(to: 8001, saying: "x") == ("x", true))

        try machine.must("mptcpize enable t@8001")
        #expect(try machine.must("mptcpize disable t@8001").contains("it uses MPTCP by t@.service"))
        #expect(
            !(try machine.must("mptcpize disable --now t@8001 t@.service").contains("uses MPTCP")))
        status = try machine.status(of: "t@8001")
        #expect(!status.enabled && status.reaches == ["none"])
    }

    @Test("what only root may read: whether a drop-in is stale is not guessed")
    func privateFiles() throws {
        let machine = try ServiceMachine()
        try machine.write("LD_PRELOAD=\(Self.jemalloc)\n", to: "/etc/default/private")
        try machine.add([
            "private.service": Self.service(8001) + "EnvironmentFile=/etc/default/private\n"
        ])
        try machine.must("chmod 600 /etc/default/private; mptcpize enable private")
        #expect(try machine.status(of: "private").configuration == "current")
        let nobody = "setpriv --reuid 65534 --clear-groups "
        #expect(try machine.status(of: "private", settings: nobody).configuration == "unknown")
        let text = try machine.must(nobody + "mptcpize status")
        #expect(text.contains("/etc/default/private") && !text.contains("stale"), "\(text)")
    }

    @Test(
        "a user's own, whose manager lingers: for good, until the next boot, by path and template",
        .requires(.logins))
    func userUnits() throws {
        let machine = try ServiceMachine()
        let home = "/home/mptcpize-test"
        try machine.must(
            """
            useradd --create-home --uid 4711 mptcpize-test; chmod 755 /home
            systemctl start systemd-logind; loginctl enable-linger mptcpize-test
            systemctl start user@4711
            """)
        let user =
            "setpriv --reuid 4711 --regid 4711 --clear-groups "
            + "env HOME=\(home) XDG_RUNTIME_DIR=/run/user/4711 "
        let units = "\(home)/.config/systemd/user"
        try machine.write(Self.service(8001), to: "\(units)/own.service")
        try machine.write(
            Self.service(8002).replacingOccurrences(of: "8002", with: "%i"),
            to: "\(units)/t@.service")
        try machine.must(
            """
            chown -R 4711:4711 \(home)/.config
            \(user) systemctl --user daemon-reload; \(user) systemctl --user start own t@8002
            """)
        let files = try machine.unitFiles(below: "\(home) /run/user/4711/systemd/user")
        let runtime = "/run/user/4711/systemd/user"
        for (typed, unit, port, place) in [
            ("own", "own.service", 8001, units), ("--runtime own", "own.service", 8001, runtime),
            ("./own.service", "own.service", 8001, units),
            ("t@.service", "t@.service", 8002, units),
        ] {
            let note = Comment(rawValue: typed)
            #expect(try machine.talk(to: port, saying: "x") == ("x", false), note)
            let enabled = try machine.run(
                "cd \(units); \(user) mptcpize enable --user --now \(typed)")
            #expect(enabled.output.contains("(\(place)/\(unit).d/50-mptcpize.conf)"), "\(enabled)")
            #expect(try machine.talk(to: port, saying: "x") == ("x", true), note)
            let status = try machine.must("\(user) mptcpize status --user")
            #expect(status.hasPrefix("\(unit): enabled (") && status.contains(", active"), note)
            #expect(status.contains("preload library"), note)
            try machine.must("\(user) mptcpize disable --user --now \(unit)")
            #expect(try machine.talk(to: port, saying: "x") == ("x", false), note)
            #expect(
                try machine.unitFiles(below: "\(home) /run/user/4711/systemd/user") == files, note)
        }
        // The system's mptcpize does not know them, nor the other way round.
        #expect(try machine.mptcpize("enable", "own").errors.contains("there is no such unit"))
        let system = try machine.run("\(user) mptcpize enable --user nginx")
        #expect(system.errors.contains("there is no such unit"), "\(system)")
    }
}

extension Requirement {
    fileprivate static let logins = Requirement("systemd-logind and libpam-systemd") {
        FileManager.default.fileExists(atPath: "/lib/systemd/systemd-logind")
            && ["/lib", "/usr/lib"].contains {
                FileManager.default.fileExists(
                    atPath:
                        "\($0)/\(Products.Architecture.native.multiarch)/security/pam_systemd.so")
            }
    }
}
