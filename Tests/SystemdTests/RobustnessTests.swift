import Foundation
import TestSupport
import Testing

/// All or nothing, whatever happens in the middle.
@Suite("Robustness", .requires(.systemdMachines))
struct RobustnessTests {
    /// strace kills it at the first, the second, … call of a kind that changes files, until
    /// one run survives: every moment at which the files differ is tried.
    @Test(
        "killed at any moment: the drop-in is there in whole or not at all",
        .requires(.tracing),
        arguments: ["mkdirat", "write", "fsync", "renameat", "unlinkat"])
    func killed(_ call: String) throws {
        let machine = try ServiceMachine()
        let before = try machine.unitFiles()
        let isWhole = """
            for unit in nginx redis-server; do
                directory=/etc/systemd/system/$unit.service.d
                if [ -e $directory ]; then grep -q DirectoriesMade=1 $directory/50-mptcpize.conf; fi
            done
            """
        // Staged files are invisible to systemd, and the next verb sweeps them away.
        let outcome = try machine.run(
            """
            for verb in enable disable; do
                when=0 status=137
                while [ $status = 137 ]; do
                    when=$((when + 1)) status=0
                    if [ $verb = disable ]; then mptcpize enable nginx redis-server >/dev/null; fi
                    strace -qq -e signal=none -o /dev/null \
                        -e inject=\(call):signal=KILL:when=$when \
                        mptcpize $verb nginx redis-server >/dev/null 2>&1 || status=$?
                    \(isWhole)
                    mptcpize disable nginx redis-server >/dev/null
                    ! [ -e /etc/systemd/system/.mptcpize-new ]
                done
                [ $status = 0 ]
            done
            """, timeout: .seconds(900))
        #expect(outcome.succeeded, "\(outcome)")
        #expect(try machine.unitFiles() == before)
    }

    @Test("several at once take their turns")
    func concurrent() throws {
        let machine = try ServiceMachine()
        let before = try machine.unitFiles()
        let script = """
            for round in 1 2 3; do
                for unit in nginx redis-server haproxy nginx redis-server haproxy; do
                    mptcpize enable $unit & pids="$pids $!"
                done
                for pid in $pids; do wait $pid; done; pids=
                for unit in nginx redis-server haproxy; do
                    grep -q multipathtcp /etc/systemd/system/$unit.service.d/50-mptcpize.conf
                    mptcpize disable $unit & pids="$pids $!"
                done
                for pid in $pids; do wait $pid; done; pids=
            done
            """
        let outcome = try machine.run(script, timeout: .seconds(900))
        #expect(outcome.succeeded, "\(outcome)")
        #expect(outcome.errors == "")
        #expect(try machine.unitFiles() == before)
    }

    @Test("a dry run says all and changes nothing, without being root")
    func dryRun() throws {
        let machine = try ServiceMachine()
        let before = try machine.unitFiles()
        let outcome = try machine.run(
            "setpriv --reuid 65534 --clear-groups mptcpize enable --dry-run redis-server")
        #expect(
            outcome.output == """
                # /etc/systemd/system/redis-server.service.d/50-mptcpize.conf
                # Written by mptcpize. To take it away: mptcpize disable redis-server.service
                [Service]
                Environment="LD_PRELOAD=/usr/local/$LIB/mptcpize/libmptcpize.so"
                Environment="GODEBUG=multipathtcp=1"
                ExecPaths=/usr/local/lib/x86_64-linux-gnu/mptcpize
                ExecPaths=/usr/local/lib/i386-linux-gnu/mptcpize

                [X-Mptcpize]
                DirectoriesMade=1


                """, "\(outcome)")
        #expect(try machine.unitFiles() == before)
        // Of an enabled unit it says what its file says.
        let text = try machine.must(
            "mptcpize enable redis-server >/dev/null; mptcpize enable --dry-run redis-server")
        let file = "/etc/systemd/system/redis-server.service.d/50-mptcpize.conf"
        #expect(text == "# \(file)\n" + (try machine.must("cat \(file)")) + "\n")
        try machine.must("mptcpize disable redis-server")
        #expect(try machine.unitFiles() == before)
    }

    @Test("what status says: not enabled, not restarted, stale, current")
    func status() throws {
        let machine = try ServiceMachine()
        try machine.must("systemctl start nginx")
        let none = try machine.mptcpize("status")
        #expect(none.output == "no unit is enabled; `mptcpize enable UNIT` enables one\n")
        #expect(try machine.mptcpize("status", "nginx").output.contains("not enabled, active"))
        try machine.must("mptcpize enable nginx")
        var status = try machine.status(of: "nginx")
        #expect(status.enabled && status.needsRestart && status.reaches == ["none"])
        try machine.must("mptcpize enable --now nginx")
        status = try machine.status(of: "nginx")
        #expect(!status.needsRestart && status.reaches == ["preload"])
        #expect(status.configuration == "current")
        // Nothing has to be done twice.
        let pid = try machine.must("systemctl show -P MainPID nginx")
        #expect(try machine.must("mptcpize enable --now nginx").contains("was enabled already"))
        #expect(try machine.must("systemctl show -P MainPID nginx") == pid)

        try machine.write(
            "[Service]\nEnvironment=LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2\n",
            to: "/etc/systemd/system/nginx.service.d/10-admin.conf")
        #expect(try machine.status(of: "nginx").needsReload)
        try machine.must("systemctl daemon-reload")
        #expect(try machine.status(of: "nginx").configuration == "stale")
        #expect(
            try machine.must("mptcpize status").contains(
                "run `mptcpize enable nginx.service` again"))
        try machine.must("mptcpize enable --now nginx")
        #expect(try machine.status(of: "nginx").configuration == "current")
        #expect(try machine.must("mptcpize disable nginx").contains("disabled"))
        #expect(
            try machine.must("ls /etc/systemd/system/nginx.service.d") == "10-admin.conf\n")
    }

    @Test("what status says of connections: MPTCP, fallen back, TCP")
    func connections() throws {
        let machine = try ServiceMachine()
        try machine.must("mptcpize enable --now redis-server; systemctl start redis-server")
        try machine.write(
            """
            import socket, sys
            clients = []
            for protocol in [262, 262, 6]:
                client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
                client.connect(("127.0.0.1", 6379))
                client.sendall(b"PING\\r\\n")
                client.recv(100)
                clients.append(client)
            open("/run/connected", "w")
            sys.stdin.read()
            """, to: "/usr/local/bin/clients")
        try machine.must(
            "systemd-run --unit=talkers sh -c 'sleep 1000 | python3 /usr/local/bin/clients'")
        #expect(
            try poll(within: .seconds(120)) { try machine.run("[ -e /run/connected ]").succeeded })
        let status = try machine.status(of: "redis-server")
        #expect(
            status.processes.map(\.sockets.connected) == [.init(mptcp: 2, fallback: 0, tcp: 1)])
        #expect(try machine.must("mptcpize status").contains("2 mptcp, 1 tcp"))
    }

    @Test("until the next boot, and for good on top of that")
    func runtime() throws {
        let machine = try ServiceMachine()
        let before = try machine.unitFiles()
        try machine.must("mptcpize enable --runtime --now nginx; systemctl start nginx")
        #expect(try machine.status(of: "nginx").reaches == ["preload"])
        try machine.must("mptcpize enable nginx")
        #expect(try machine.status(of: "nginx").dropIns.count == 2)
        #expect(!(try machine.mptcpize("enable", "--runtime", "nginx").succeeded))
        try machine.must("mptcpize disable nginx")
        #expect(try machine.unitFiles() == before)
    }

    @Test("a unit by another name, and by its file")
    func aliases() throws {
        let machine = try ServiceMachine()
        try machine.add(["real.service": "[Service]\nExecStart=/bin/sleep 1000\n"])
        try machine.must(
            "ln -s real.service /etc/systemd/system/alias.service; systemctl daemon-reload")
        let before = try machine.unitFiles()
        #expect(try machine.must("mptcpize enable alias").hasPrefix("real.service: enabled"))
        #expect(
            try machine.must("mptcpize enable /etc/systemd/system/real.service")
                .hasPrefix("real.service: was enabled already"))
        #expect(
            try machine.must("mptcpize disable alias.service").hasPrefix("real.service: disabled"))
        #expect(try machine.unitFiles() == before)
    }

    @Test("a user's own units")
    func userUnits() throws {
        let machine = try ServiceMachine()
        try machine.must("useradd --create-home --uid 4711 mptcpize-test; chmod 755 /home")
        let home = "/home/mptcpize-test"
        try machine.write(
            """
            [Service]
            Environment=A=1
            ExecStart=/usr/bin/python3 -u -m http.server --bind 127.0.0.1 8000
            """, to: "/etc/systemd/user/own.service")
        try machine.must(
            """
            install -d -m 700 -o mptcpize-test /run/user/4711
            systemd-run --unit=manager --uid=4711 --setenv=XDG_RUNTIME_DIR=/run/user/4711 \
                --setenv=HOME=\(home) -p Delegate=yes /lib/systemd/systemd --user
            """)
        let user = """
            setpriv --reuid 4711 --regid 4711 --clear-groups \
            env HOME=\(home) XDG_RUNTIME_DIR=/run/user/4711
            """
        #expect(
            try poll(within: .seconds(120)) {
                try machine.run("\(user) systemctl --user start own").succeeded
            })
        let request = "GET / HTTP/1.0\r\n\r\n"
        #expect(try !machine.talk(to: 8000, saying: request).isMPTCP)
        let before = try machine.unitFiles(below: home)
        let enabled = try machine.run("\(user) mptcpize enable --user --now own")
        #expect(enabled.succeeded, "\(enabled)")
        #expect(
            enabled.output.contains("\(home)/.config/systemd/user/own.service.d/50-mptcpize.conf"))
        #expect(try machine.talk(to: 8000, saying: request).isMPTCP)
        let status = try machine.must("\(user) mptcpize status --user")
        #expect(status.contains("own.service: enabled") && status.contains("preload library"))
        let disabled = try machine.run("\(user) mptcpize disable --user --now own")
        #expect(disabled.succeeded, "\(disabled)")
        #expect(try !machine.talk(to: 8000, saying: request).isMPTCP)
        #expect(try machine.unitFiles(below: home) == before)
        // Root does not write into another one's home.
        for configuration in ["", "XDG_CONFIG_HOME=\(home)/new "] {
            let root = try machine.run(
                configuration
                    + "HOME=\(home) XDG_RUNTIME_DIR=/run/user/4711 mptcpize enable --user own")
            #expect(!root.succeeded)
            #expect(try machine.unitFiles(below: home) == before)
        }
    }
}
