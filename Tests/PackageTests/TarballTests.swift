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
        try host.bring(Products.mptcpize)
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
        #expect(try host.must("mptcpize enable --now web").contains("what runs uses MPTCP"))
        #expect(try host.listensWithMPTCP())
        try host.must("mptcpize disable --now web")
        try host.must("test -r /srv/tools/*/share/man/man8/mptcpize.8")

        // What would load a library of this system into it is not done, and said.
        let bpf = try host.run("mptcpize bpf attach --pid 1")
        #expect(bpf.status == 1)
        #expect(
            bpf.errors == """
                mptcpize: libbpf.so.1: cannot be loaded by this mptcpize, which is a static one; \
                use the one of the Debian package mptcpize, or of `make install`

                """)
        // Users and hosts are looked up without the modules that nsswitch.conf names.
        try host.must(
            """
            echo '127.0.0.1 localhost' >/etc/hosts
            printf 'hosts: nosuch mymachines\\npasswd: systemd nosuch\\n' >/etc/nsswitch.conf
            """)
        let probe = try host.run("mptcpize check --probe localhost:9")
        #expect((probe.output + probe.errors).contains("127.0.0.1:9"), "\(probe)")
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
        let left = try mustRun(["find", directory.path, "!", "-type", "d"])
        #expect(left == "")
        #expect(
            try mustRun(["find", directory.path, "-name", "mptcpize"]).split(separator: "\n")
                .allSatisfy { $0.hasSuffix("share/doc/mptcpize") })
    }
}
