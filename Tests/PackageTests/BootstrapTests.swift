import Foundation
import TestSupport
import Testing

/// scripts/bootstrap on a machine that lacks a package, with an archive of its own.
@Suite(
    "Bootstrap", .requires(.systemdMachines), .requires(.command("apt-get", "dpkg-scanpackages")))
struct BootstrapTests {
    private let machine: SystemdMachine

    /// What an administrator has there.
    private static let policy = "#!/bin/sh\\nexit 104\\n"

    /// A machine without make, and a mirror that has it, now and then.
    init() throws {
        machine = try SystemdMachine()
        for path in ["scripts", "Tests/Fixtures/flaky_mirror.py"] {
            try mustRun(["cp", "-a", Repository.path(path), machine.share])
        }
        try must(
            """
            ln -s /bin/true /usr/local/bin/swiftc # looked for, not used
            mkdir -p /srv/make/DEBIAN; cd /srv
            cat >make/DEBIAN/control <<CONTROL
            Package: make
            Version: 9999
            Architecture: $(dpkg --print-architecture)
            Maintainer: nobody <nobody@mptcpize.invalid>
            Description: none
            CONTROL
            # Fails unless services are forbidden to start.
            printf '#!/bin/sh\\nsh /usr/sbin/policy-rc.d; [ $? = 101 ]\\n' >make/DEBIAN/postinst
            chmod 755 make/DEBIAN/postinst
            dpkg-deb --build make make.deb; rm -r make
            dpkg-scanpackages . >Packages
            rm -rf /etc/apt/sources.list.d /var/lib/apt/lists
            mkdir -p /var/lib/apt/lists/partial
            echo 'deb [trusted=yes] http://127.0.0.1:8123/ ./' >/etc/apt/sources.list
            echo 'Acquire::http::Proxy "DIRECT";' >/etc/apt/apt.conf.d/99test
            python3 /tmp/share/flaky_mirror.py /srv >/dev/null 2>&1 &
            dpkg --purge --force-depends make 2>/dev/null
            printf '\(Self.policy)' >/usr/sbin/policy-rc.d
            """)
    }

    @discardableResult
    private func must(_ script: String) throws -> String {
        try machine.run(["bash", "-ec", script], timeout: .seconds(240))
            .orThrow(["bash", "-ec", script]).output
    }

    private func expectInstalled(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let version = try must("dpkg-query -W -f '${Version}' make")
        #expect(version == "9999", sourceLocation: sourceLocation)
        let policies = try must("cat /usr/sbin/policy-rc.d; ls /usr/sbin/policy-rc.d*")
        #expect(
            policies == "#!/bin/sh\nexit 104\n/usr/sbin/policy-rc.d\n",
            sourceLocation: sourceLocation)
    }

    @Test("two at once, with a mirror that fails and apt's lists locked by another program")
    func together() throws {
        try must(
            """
            python3 -c 'import fcntl, time
            lock = open("/var/lib/apt/lists/lock", "w"); fcntl.lockf(lock, fcntl.LOCK_EX)
            open("/tmp/locked", "w"); time.sleep(1)' &
            until [ -e /tmp/locked ]; do sleep 0.01; done
            /tmp/share/scripts/bootstrap build >/tmp/1 2>&1 & first=$!
            /tmp/share/scripts/bootstrap build >/tmp/2 2>&1 & second=$!
            wait $first || { cat /tmp/1; exit 1; }
            wait $second || { cat /tmp/2; exit 1; }
            """)
        try expectInstalled()
    }

    @Test("after one that was killed, the administrator's policy on services comes back")
    func killed() throws {
        try must(
            """
            /tmp/share/scripts/bootstrap build >/dev/null 2>&1 & pid=$!
            until grep -q 'exit 101' /usr/sbin/policy-rc.d; do sleep 0.01; done
            kill -KILL $pid; wait $pid || true
            while pgrep -x apt-get; do sleep 0.05; done
            /tmp/share/scripts/bootstrap build
            """)
        try expectInstalled()
    }
}
