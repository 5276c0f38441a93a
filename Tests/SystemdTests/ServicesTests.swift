import TestSupport
import Testing

/// Services as they are packaged, and services with every oddity of environment and
/// sandbox: MPTCP on the wire after `enable --now`, and no trace after `disable --now`.
@Suite("Services", .requires(.systemdMachines))
struct ServicesTests {
    /// A service to be tried.
    struct Sample: CustomStringConvertible, Sendable {
        let unit: String
        let port: Int
        var system = ServiceMachine.System.own
        var request = "GET / HTTP/1.0\r\n\r\n"
        var answer = "200 OK"
        /// Files, by their paths.
        var files: [String: String] = [:]
        /// Run before it is started.
        var preparation = ""
        /// What LD_PRELOAD holds before ours.
        var preloaded = ""
        /// Whether /proc does not show the environment that it was started with.
        var hidesEnvironment = false

        var description: String { "\(unit) on \(system)" }
    }

    private static let python = "/usr/bin/python3 -u -m http.server --bind 127.0.0.1"
    private static let jemalloc = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"

    private static let packaged = [
        Sample(unit: "nginx.service", port: 80, hidesEnvironment: true),
        Sample(
            unit: "redis-server.service", port: 6379, request: "PING\r\n", answer: "+PONG",
            hidesEnvironment: true),
        Sample(
            unit: "ssh.service", port: 22, request: "", answer: "SSH-2.0-OpenSSH",
            hidesEnvironment: true),
        Sample(
            unit: "haproxy.service", port: 8404,
            files: [
                "/etc/haproxy/haproxy.cfg": """
                defaults
                  mode http
                  timeout client 10s
                  timeout server 10s
                  timeout connect 10s
                frontend f
                  bind 127.0.0.1:8404
                  http-request return status 200 string OK content-type text/plain

                """
            ], hidesEnvironment: true),
    ]

    private static let environments = [
        Sample(
            unit: "lines.service", port: 8000,
            files: [
                "/etc/systemd/system/lines.service": """
                [Service]
                Environment=ONE=1
                Environment="TWO=two words" THREE='a "b" c'
                Environment=FOUR=x \\
                # a comment inside
                    FIVE=%%n-%n
                Environment=
                Environment=SIX=6 "SEVEN=\\x41\\t$HOME"
                Environment=LD_PRELOAD=\(jemalloc)
                WorkingDirectory=/usr/local
                ExecStart=\(python) 8000
                """
            ], preloaded: jemalloc),
        Sample(
            unit: "file.service", port: 8000,
            files: [
                "/etc/default/file": "# words\nA='b c'\nLD_PRELOAD=\"\(jemalloc)\"\nGODEBUG=x=1\n",
                "/etc/systemd/system/file.service": """
                [Service]
                Environment=LD_PRELOAD=/nowhere.so
                EnvironmentFile=-/etc/default/%p
                EnvironmentFile=-/etc/default/missing*
                ExecStart=\(python) 8000
                """,
            ], preloaded: jemalloc),
        Sample(
            unit: "late.service", port: 8000,
            files: [
                "/etc/systemd/system/late.service.d/override.conf":
                    "[Service]\nEnvironment=LD_PRELOAD=\(jemalloc)\n",
                "/etc/systemd/system/late.service": "[Service]\nExecStart=\(python) 8000\n",
            ], preloaded: jemalloc),
        Sample(
            unit: "unset.service", port: 8000,
            files: [
                "/etc/systemd/system/unset.service": """
                [Service]
                Environment=A=1 B=2 LD_PRELOAD=/nowhere.so
                UnsetEnvironment=LD_PRELOAD GODEBUG A
                ExecStart=\(python) 8000
                """
            ]),
    ]

    private static let sandboxes = [
        Sample(
            unit: "rooted.service", port: 8001, request: "echo", answer: "echo",
            files: [
                "/etc/systemd/system/rooted.service": """
                [Service]
                RootDirectory=/srv/root
                ExecStart=/usr/bin/socat TCP-LISTEN:8001,fork,reuseaddr PIPE
                """
            ],
            preparation: """
                mkdir -p /srv/root/usr/bin; cp /usr/bin/socat /srv/root/usr/bin/
                for library in $(ldd /usr/bin/socat | grep -o '/[^ ]*'); do
                    mkdir -p "/srv/root$(dirname $library)"; cp -L $library "/srv/root$library"
                done
                """),
        Sample(
            unit: "hardened.service", port: 8000,
            files: [
                "/etc/systemd/system/hardened.service": """
                [Service]
                ExecStart=\(python) 8000
                DynamicUser=yes
                AmbientCapabilities=
                CapabilityBoundingSet=
                DevicePolicy=closed
                ExecPaths=/usr/bin /usr/lib /lib /lib64
                KeyringMode=private
                LockPersonality=yes
                MemoryDenyWriteExecute=yes
                NoExecPaths=/
                NoNewPrivileges=yes
                NotifyAccess=none
                PrivateDevices=yes
                PrivateMounts=yes
                PrivateTmp=yes
                PrivateUsers=yes
                ProcSubset=pid
                ProtectClock=yes
                ProtectControlGroups=yes
                ProtectHome=yes
                ProtectHostname=yes
                ProtectKernelLogs=yes
                ProtectKernelModules=yes
                ProtectKernelTunables=yes
                ProtectProc=invisible
                ProtectSystem=strict
                RemoveIPC=yes
                RestrictAddressFamilies=AF_INET AF_INET6
                RestrictNamespaces=yes
                RestrictRealtime=yes
                RestrictSUIDSGID=yes
                SystemCallArchitectures=native
                SystemCallFilter=@system-service
                SystemCallFilter=~@privileged @resources
                UMask=0077
                """
            ]),
    ]

    private static let otherSystems = [ServiceMachine.System.bullseye, .trixie].map { system in
        Sample(
            unit: "plain.service", port: 8000, system: system,
            files: [
                "/etc/systemd/system/plain.service": """
                [Service]
                Environment=A=1 "B=2 3"
                Environment=LD_PRELOAD=
                PrivateTmp=yes
                ExecStart=\(python) 8000
                """
            ])
    }

    @Test(
        "over MPTCP after enable, as before after disable",
        arguments: packaged + environments + sandboxes + otherSystems)
    func enabledAndDisabled(_ sample: Sample) throws {
        let machine = try ServiceMachine(sample.system)
        for (path, text) in sample.files { try machine.write(text, to: path) }
        if !sample.preparation.isEmpty { try machine.must(sample.preparation) }
        if sample.hidesEnvironment { try machine.recordEnvironment(of: sample.unit) }
        try machine.must("systemctl daemon-reload; systemctl start \(sample.unit)")
        // Once it answers, it is no longer systemd's child before its exec.
        let before = try machine.talk(to: sample.port, saying: sample.request)
        #expect(before.answer.contains(sample.answer))
        #expect(!before.isMPTCP)
        let properties = try machine.properties(of: sample.unit)
        let environment = try machine.environment(of: sample.unit)
        let places = "/etc/systemd /run/systemd/system /srv"
        let files = try machine.unitFiles(below: places)

        let enabled = try machine.mptcpize("enable", "--now", sample.unit)
        #expect(enabled.succeeded, "\(enabled)")
        #expect(enabled.output.hasPrefix("\(sample.unit): enabled ("))
        #expect(enabled.errors == "")
        let during = try machine.talk(to: sample.port, saying: sample.request)
        #expect(during.answer.contains(sample.answer))
        #expect(during.isMPTCP)
        var changed = try machine.environment(of: sample.unit)
        let preload = changed.removeValue(forKey: "LD_PRELOAD") ?? ""
        let goDebug = changed.removeValue(forKey: "GODEBUG") ?? ""
        #expect(
            preload.hasPrefix(sample.preloaded.isEmpty ? "/usr/local/" : sample.preloaded + ":"))
        #expect(preload.hasSuffix("/mptcpize/libmptcpize.so"))
        #expect(goDebug.hasSuffix("multipathtcp=1"))
        var expected = environment
        for name in ["LD_PRELOAD", "GODEBUG"] { expected[name] = nil }
        #expect(changed == expected)
        let status = try machine.status(of: sample.unit)
        #expect(status.enabled && status.configuration == "current" && !status.needsRestart)
        #expect(status.reaches == ["preload"])
        let listening = status.processes.map(\.sockets.listening)
        #expect(listening.contains { $0.mptcp > 0 })
        #expect(listening.allSatisfy { $0.tcp == 0 })

        let disabled = try machine.mptcpize("disable", "--now", sample.unit)
        #expect(disabled.succeeded, "\(disabled)")
        let after = try machine.talk(to: sample.port, saying: sample.request)
        #expect(after.answer.contains(sample.answer))
        #expect(!after.isMPTCP)
        #expect(try machine.unitFiles(below: places) == files)
        #expect(try machine.properties(of: sample.unit) == properties)
        #expect(try machine.environment(of: sample.unit) == environment)
        let last = try machine.status(of: sample.unit)
        #expect(last.reaches == ["none"] && !last.enabled)
        #expect(last.processes.allSatisfy { $0.sockets.listening.mptcp == 0 })
        #expect(last.processes.contains { $0.sockets.listening.tcp > 0 })
    }

    @Test("a template and its instances")
    func template() throws {
        let machine = try ServiceMachine()
        func isMPTCP(_ port: Int) throws -> Bool {
            try machine.talk(to: port, saying: "GET / HTTP/1.0\r\n\r\n").isMPTCP
        }
        try machine.add(["t@.service": "[Service]\nExecStart=\(Self.python) 80%i\n"])
        try machine.must("systemctl start t@81.service t@82.service")
        let files = try machine.unitFiles()
        #expect(try machine.mptcpize("enable", "--now", "t@.service").succeeded)
        #expect(try [8081, 8082].map(isMPTCP) == [true, true])
        #expect(try machine.status(of: "t@.service").processes.count == 2)
        // A new instance needs nothing more.
        try machine.must("systemctl start t@83.service")
        #expect(try isMPTCP(8083))
        #expect(try machine.mptcpize("disable", "--now", "t@.service").succeeded)
        #expect(try [8081, 8082].map(isMPTCP) == [false, false])
        #expect(try machine.unitFiles() == files)

        #expect(try machine.mptcpize("enable", "--now", "t@81.service").succeeded)
        #expect(try [8081, 8082].map(isMPTCP) == [true, false])
        #expect(try machine.mptcpize("disable", "t@81.service").succeeded)
        #expect(try machine.unitFiles() == files)
    }
}
