import Foundation
import TestSupport
import Testing

/// `make tarball`: a tree that works anywhere, also where the C library is older than the one
/// that mptcpize was built with.
@Suite("Tarball", .requires(.packaging), .requires(.systemdMachines))
struct TarballTests {
    @Test("works unpacked anywhere, on an older system")
    func older() throws {
        let directory = try TemporaryDirectory()
        let tarball = try Packages.tarball(in: directory)
        let host = try Host("bullseye")
        // The dynamic one does not even start there.
        try host.bring(Products.wholeCommand)
        #expect(try !host.run("/tmp/share/mptcpize --version").succeeded)
        try host.bring(tarball)
        try host.must(
            """
            mkdir /srv/tools; tar -xf /tmp/share/*.tar.gz -C /srv/tools
            ln -s /srv/tools/*/bin/mptcpize /usr/local/bin/mptcpize
            """)
        #expect(
            try host.must("mptcpize --version") == mustRun([Products.mptcpize, "--version"]))
        try host.expectMPTCP(Host.connection)
        try host.addService()
        #expect(try host.must("mptcpize enable --now web").contains("it uses MPTCP"))
        #expect(try host.listensWithMPTCP())
        try host.must("mptcpize disable --now web")
        try host.must("test -r /srv/tools/*/share/man/man8/mptcpize.8")

        // libbpf is inside: what it says is the kernel's answer.
        let bpf = try host.run("mptcpize bpf attach --pid 1; mptcpize bpf detach --all")
        #expect(!bpf.errors.contains("libbpf"), "\(bpf)")
        try host.must("grep -q LGPL-3 /srv/tools/*/share/doc/mptcpize/THIRD-PARTY")
        // Users and hosts are looked up without the modules that nsswitch.conf names.
        try host.must(
            """
            echo '127.0.0.1 localhost' >/etc/hosts
            printf 'hosts: nosuch mymachines\\npasswd: systemd nosuch\\n' >/etc/nsswitch.conf
            """)
        let probe = try host.run("mptcpize check --probe localhost:9")
        #expect((probe.output + probe.errors).contains("127.0.0.1:9"), "\(probe)")
    }

    @Test("unpacked over /usr/local: kept by an upgrade, and as before when it is uninstalled")
    func overLocal() throws {
        let host = try Host("bullseye")
        try host.bring(Packages.sharedTarball())
        let unpack = "tar -xf /tmp/share/*.tar.gz -C /usr/local --strip-components=1"
        try host.must("mkdir -p /etc/containers/oci/hooks.d /var/lib/prometheus/node-exporter")
        try host.addService()
        let before = try host.files()
        try host.must("\(unpack); systemctl daemon-reload")
        try host.must(
            """
            ln -s /usr/local/share/containers/oci/hooks.d/50-mptcpize.json /etc/containers/oci/hooks.d/
            systemctl enable --now mptcpize-metrics.socket mptcpize-metrics.timer
            """)
        #expect(try host.must("mptcpize enable --now web").contains("it uses MPTCP"))
        #expect(try host.listensWithMPTCP())

        try host.must("\(unpack); systemctl daemon-reload; systemctl restart web")
        #expect(try host.listensWithMPTCP())
        let status = try host.must("mptcpize status")
        #expect(status.contains("web.service: enabled") && !status.contains("stale"), "\(status)")

        let said = try host.must("/usr/local/share/mptcpize/uninstall 2>&1")
        #expect(said.contains("web.service: disabled"), "\(said)")
        try host.must("systemctl restart web")
        #expect(try !host.listensWithMPTCP())
        let difference = try Set(host.files()).symmetricDifference(before)
        #expect(difference.isEmpty, "\(difference.sorted())")
    }

    @Test("its sources are those of the versions that are linked in", .requires(.command("git")))
    func sources() throws {
        let directory = try TemporaryDirectory()
        let tarball = try Packages.sharedTarball()
        let bundle = try mustRun(
            [Repository.path("scripts/sources"), directory.path, tarball],
            environment: ["PATH": Environment.inherited["PATH"]], timeout: .seconds(300))
        let listing = try mustRun([
            "tar", "-tf", bundle.trimmingCharacters(in: .newlines),
        ])
        for name in ["scripts/tarball", "Sources/CLibBPF/linked.c", "Package.swift"] {
            #expect(listing.contains("-sources/mptcpize/\(name)\n"), "\(name)")
        }
        #expect(listing.contains("-sources/swift-argument-parser/LICENSE.txt\n"))
        let notice = try mustRun(["tar", "-xzOf", tarball, "--wildcards", "*/THIRD-PARTY"])
        let packages = notice.matches(of: #/(?m)^==== .*source package (.+)=(?:.+:)?(.+)$/#)
            .filter { !$0.1.hasPrefix("gcc-") }
        #expect(packages.count >= 4)
        for package in packages {
            #expect(
                listing.contains("/debian/\(package.1)_\(package.2).dsc\n"), "\(package.0)")
        }
    }

    @Test("the same build makes the same bytes")
    func reproducible() throws {
        let (once, again) = (try TemporaryDirectory(), try TemporaryDirectory())
        let first = try Packages.tarball(in: once)
        let second = try Packages.tarball(
            in: again, environment: ["TZ": "Asia/Tokyo", "LC_ALL": "C"], umask: "077")
        #expect(FileManager.default.contentsEqual(atPath: first, andPath: second))
    }

    @Test("where libbpf's static library is missing, the build and the program say what to install")
    func withoutLibBPF() throws {
        let directory = try TemporaryDirectory()
        let script = """
            mount --bind /dev/null /usr/lib/x86_64-linux-gnu/libbpf.a
            "$0" "$1"
            tar -xzf "$1"/*.tar.gz -C "$1" --strip-components=1
            mkdir /sys/fs/cgroup/mptcpize-test-static
            "$1/bin/mptcpize" bpf attach --cgroup /sys/fs/cgroup/mptcpize-test-static || true
            rmdir /sys/fs/cgroup/mptcpize-test-static
            """
        let outcome = try run(
            [
                "unshare", "--mount", "sh", "-ec", script, Repository.path("scripts/tarball"),
                directory.path,
            ], environment: ["PATH": Environment.inherited["PATH"]], timeout: .seconds(300))
        #expect(outcome.succeeded, "\(outcome)")
        #expect(
            outcome.errors == """
                tarball: without the BPF mode, for want of libbpf.a: install libbpf-dev and \
                libelf-dev (Debian and Ubuntu) to have it
                mptcpize: BPF mode: this static mptcpize was built without libbpf; install \
                libbpf-dev and libelf-dev where it is built, then: make tarball

                """)
    }

    @Test("installed and removed, nothing is left")
    func installed() throws {
        let directory = try TemporaryDirectory()
        let environment = ["DESTDIR": directory.path, "PREFIX": "/usr"]
        let install = Repository.path("scripts/install")
        try mustRun([install], environment: environment)
        for name in [
            "bin/mptcpize", "share/man/man8/mptcpize-run.8",
            "share/bash-completion/completions/mptcpize", "share/zsh/site-functions/_mptcpize",
            "share/fish/vendor_completions.d/mptcpize.fish",
        ] { #expect(access("\(directory.path)/usr/\(name)", R_OK) == 0, "\(name)") }
        try mustRun([install, "--remove"], environment: environment)
        let left = try mustRun([
            "find", directory.path, "!", "-type", "d", "-o", "-name", "mptcpize",
        ])
        #expect(left == "")
    }

    @Test("uninstalled, units are as before, too, and everybody could use it while it was there")
    func uninstalled() throws {
        let host = try Host("bookworm")
        for path in [
            "scripts", "docs", "completions", "packaging", "README.md", "LICENSE", "CHANGELOG.md",
        ] {
            try host.bring(Repository.path(path))
        }
        try host.must("mkdir /tmp/share/build")
        for name in ["bin", "libexec", "lib", "lib32", "lib64"] {
            let tree = "\(Products.directory)/\(name)"
            guard access(tree, F_OK) == 0 else { continue }
            try mustRun(["cp", "-a", tree, "\(host.machine.share)/build"])
        }
        try host.addService()
        let before = try host.files()
        try host.must("umask 077; PREFIX=/opt/m /tmp/share/scripts/install")
        let asNobody = "setpriv --reuid=65534 --regid=65534 --clear-groups"
        try host.must("find /opt/m ! -perm -444 | grep . && exit 1 || true")
        #expect(try host.must("\(asNobody) /opt/m/bin/mptcpize run echo reached") == "reached\n")
        try host.must("/opt/m/bin/mptcpize enable --now web")
        #expect(try host.listensWithMPTCP())
        // An upgrade.
        try host.must("PREFIX=/opt/m /tmp/share/scripts/install; systemctl restart web")
        #expect(try host.listensWithMPTCP())
        #expect(try !host.must("/opt/m/bin/mptcpize status").contains("stale"))

        let said = try host.must("PREFIX=/opt/m /tmp/share/scripts/install --remove")
        #expect(said.contains("web.service: disabled"), "\(said)")
        try host.must("systemctl restart web; find /opt/m -depth -type d -exec rmdir {} +")
        #expect(try !host.listensWithMPTCP())
        try host.must("test ! -e /run/mptcpize")
        #expect(try host.files() == before)
    }
}
