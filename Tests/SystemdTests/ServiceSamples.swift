import Foundation

/// A service to be tried.
struct ServiceSample: CustomStringConvertible, Sendable {
    let unit: String
    let port: Int
    var request = "GET / HTTP/1.0\r\n\r\n"
    var answer = "200 OK"
    /// Files, by their paths.
    var files: [String: String] = [:]
    /// Run before it is started.
    var preparation = ""
    /// What LD_PRELOAD holds before ours.
    var preloaded = ""
    /// Where the preload library lies, if not where mptcpize was installed.
    var library = ""
    /// Whether /proc does not show the environment that it was started with.
    var hidesEnvironment = false

    var description: String { unit }
}

extension ServiceSample {
    private static let python = "/usr/bin/python3 -u -m http.server --bind 127.0.0.1"
    private static let jemalloc = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"

    static let packaged = [
        ServiceSample(unit: "nginx.service", port: 80, hidesEnvironment: true),
        ServiceSample(
            unit: "redis-server.service", port: 6379, request: "PING\r\n", answer: "+PONG",
            hidesEnvironment: true),
        ServiceSample(
            unit: "ssh.service", port: 22, request: "", answer: "SSH-2.0-OpenSSH",
            hidesEnvironment: true),
        ServiceSample(
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

    static let environments = [
        ServiceSample(
            unit: "five.service", port: 8000,
            files: [
                "/etc/systemd/system/five.service": """
                [Service]
                Environment=ONE=1
                Environment="TWO=two words" THREE='a "b" c'
                Environment=FOUR=x \\
                # a comment inside
                    FIVE=%%n-%n
                Environment=SIX=6 "SEVEN=\\x41\\t$HOME"
                Environment="EIGHT=a=b;c" NINE=
                PassEnvironment=TERM container NOSUCH
                ExecStart=\(python) 8000
                """
            ]),
        ServiceSample(
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
        ServiceSample(
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
        ServiceSample(
            unit: "late.service", port: 8000,
            files: [
                "/etc/systemd/system/late.service.d/override.conf":
                    "[Service]\nEnvironment=LD_PRELOAD=\(jemalloc)\n",
                "/etc/systemd/system/late.service": "[Service]\nExecStart=\(python) 8000\n",
            ], preloaded: jemalloc),
        ServiceSample(
            unit: "unset.service", port: 8000,
            files: [
                "/etc/systemd/system/unset.service": """
                [Service]
                Environment=A=1 B=2 LD_PRELOAD=/nowhere.so
                UnsetEnvironment=LD_PRELOAD GODEBUG A
                ExecStart=\(python) 8000
                """
            ]),
        // Of the manager: all services get it, until it is taken back.
        ServiceSample(
            unit: "managed.service", port: 8000,
            files: [
                "/etc/systemd/system/managed.service": """
                [Service]
                Environment=LD_PRELOAD=
                Environment=
                ExecStart=\(python) 8000
                ExecStopPost=+/bin/true
                """
            ],
            preparation: "systemctl set-environment LD_PRELOAD=\(jemalloc) \"MANAGED='a b' \\$c\"",
            preloaded: jemalloc),
    ]

    static let sandboxes = [
        ServiceSample(
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
        ServiceSample(
            unit: "home.service", port: 8000,
            files: [
                "/etc/systemd/system/home.service": """
                [Service]
                ProtectHome=tmpfs
                ExecStart=\(python) 8000
                """
            ],
            preparation: "mkdir -p /home/own; cp -a /usr/local/lib /home/own/",
            library: "/home/own/lib"),
        ServiceSample(
            unit: "hidden.service", port: 8000,
            files: [
                "/etc/systemd/system/hidden.service": """
                [Service]
                TemporaryFileSystem=/usr/local:ro
                PrivateTmp=yes
                ExecStart=\(python) 8000
                """
            ]),
        ServiceSample(
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
}
