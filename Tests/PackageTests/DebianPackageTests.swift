import Foundation
import TestSupport
import Testing

/// `make deb`: what it writes, and what becomes of a system that installs and removes it.
@Suite("Debian packages", .requires(.packaging), .requires(.systemdMachines))
struct DebianPackageTests {
    @Test("Debian's checker has nothing to object")
    func lintian() throws {
        let outcome = try run(
            ["lintian", "--allow-root", "--fail-on", "error,warning"] + Packages.debs(),
            timeout: .seconds(600))
        #expect(outcome.succeeded && outcome.output.isEmpty, "\(outcome)")
    }

    @Test("the same sources make the same bytes")
    func reproducible() throws {
        let again = try TemporaryDirectory()
        try mustRun(
            [
                "sh", "-c", "umask 077; exec \"$0\" \"$1\"", Repository.path("scripts/deb"),
                again.path,
            ],
            environment: ["TZ": "Asia/Tokyo", "LC_ALL": "C"], timeout: .seconds(300))
        for deb in try Packages.debs() {
            let name = URL(fileURLWithPath: deb).lastPathComponent
            #expect(
                FileManager.default.contentsEqual(atPath: deb, andPath: again.file(name)),
                "\(name)")
        }
    }

    @Test("one version everywhere, above that of Debian's own package")
    func version() throws {
        let spoken = try mustRun([Products.mptcpize, "--version"])
        #expect(spoken.hasPrefix("mptcpize "))
        let version = spoken.dropFirst(9).dropLast()
        let changelog = try String(
            contentsOfFile: Repository.path("CHANGELOG.md"), encoding: .utf8)
        let heading = changelog.split(separator: "\n").first { $0.hasPrefix("## ") }
        #expect(heading?.hasPrefix("## \(version) (") == true, "\(spoken), \(heading ?? "")")
        for deb in try Packages.debs() {
            let packaged = try mustRun(["dpkg-deb", "--field", deb, "Version"]).dropLast()
            #expect(packaged == "1:\(version)")
            #expect(
                try run(["dpkg", "--compare-versions", String(packaged), "gt", "0.99"]).succeeded)
        }
    }

    @Test(
        "installed, used, upgraded and removed without a trace", arguments: ["bookworm", "trixie"])
    func installed(_ suite: String) throws {
        let host = try Host(suite)
        try addProgramOf32Bit(to: host)
        for deb in try Packages.debs() { try host.bring(deb) }
        try host.must(
            """
            dpkg --add-architecture i386; mkdir /srv/metrics
            echo MPTCPIZE_METRICS_DIRECTORY=/srv/metrics >/etc/default/mptcpize-metrics
            """)
        try host.addService()
        let before = try host.files()
        try host.must("dpkg -i /tmp/share/*.deb; test -z \"$(dpkg --audit)\"")

        try host.expectMPTCP(Host.connection)
        try host.expectMPTCP("/opt/32/endings close")
        #expect(try host.must("mptcpize enable --now web").contains("it uses MPTCP"))
        #expect(try host.listensWithMPTCP())

        // An upgrade: what is enabled stays so, and works after it.
        try host.must("dpkg -i /tmp/share/*.deb; systemctl restart web")
        #expect(try host.listensWithMPTCP())
        #expect(try host.must("mptcpize status").contains("web.service: enabled"))
        #expect(try !host.must("mptcpize status").contains("stale"))

        try expectMetrics(on: host)

        let said = try host.must("dpkg -r mptcpize; mkdir -p /var/lib/mptcpize")
        #expect(said.contains("web.service: disabled"), "\(said)")
        // What runs goes on; started again, it is as it was before, and nobody complains.
        #expect(try host.listensWithMPTCP())
        try host.must("systemctl restart web")
        #expect(try !host.listensWithMPTCP())
        try host.must("dpkg -P mptcpize mptcpize-preload:amd64 mptcpize-preload:i386")
        let difference = try Set(host.files()).symmetricDifference(before)
        #expect(difference.isEmpty, "\(difference.sorted())")
        #expect(try !host.must("journalctl -b --no-pager || true").contains("libmptcpize"))
    }

    /// Off before they are enabled; on then, by HTTP and as a file.
    private func expectMetrics(on host: Host) throws {
        let scrape = """
            python3 -c 'import urllib.request as r
            print(r.urlopen("http://127.0.0.1:10262/metrics").read().decode())'
            """
        #expect(try !host.run(scrape).succeeded)
        #expect(try host.must("ls /srv/metrics") == "")
        try host.must("systemctl enable --now mptcpize-metrics.socket mptcpize-metrics.timer")
        #expect(try host.must(scrape).contains("mptcpize_unit_reached{unit=\"web.service\"} 1"))
        try #require(
            poll(within: .seconds(20)) {
                try host.run("grep -q '# EOF' /srv/metrics/mptcpize.prom").succeeded
            })
    }

    @Test("removed from a tree where no systemd runs, units are as before, too")
    func withoutSystemd() throws {
        let host = try Host("bookworm")
        for deb in try Packages.debs() { try host.bring(deb) }
        try host.addService()
        let before = try host.files()
        try host.must("dpkg --add-architecture i386; dpkg -i /tmp/share/*.deb")
        try host.must("mptcpize enable web")
        try host.must(
            """
            unshare --mount sh -ec 'cp -r /tmp/share /root/; mount -t tmpfs none /run
            dpkg -P mptcpize mptcpize-preload:amd64 mptcpize-preload:i386'
            """)
        #expect(try host.files() == before)
    }

    @Test(
        "in the place of Debian's own package, and purged: nothing is left of either",
        .requires(.established), arguments: ["bookworm", "trixie"])
    func replaced(_ suite: String) throws {
        let host = try Host(suite)
        let before = try host.files()
        for package in ["libmptcpwrap0", "mptcpize"] { try host.bring(repacked(package)) }
        try host.must("dpkg -i /tmp/share/*.deb; rm /tmp/share/*.deb")
        let ours = try mustRun([Products.mptcpize, "--version"])
        #expect(try host.must("mptcpize --version") != ours)

        for deb in try Packages.debs() { try host.bring(deb) }
        try host.must(
            "dpkg --add-architecture i386; dpkg -i /tmp/share/*.deb; test -z \"$(dpkg --audit)\"")
        #expect(try host.must("mptcpize --version") == ours)
        try host.expectMPTCP(Host.connection)
        try host.must(
            "dpkg -P mptcpize mptcpize-preload:amd64 mptcpize-preload:i386 libmptcpwrap0")
        #expect(try host.files() == before)
    }

    /// An installed package, packed again as it lies here.
    private func repacked(_ package: String) throws -> String {
        let directory = Self.repacking
        let script = """
            mkdir -p "$2/$1/DEBIAN"; cd "$2/$1"
            dpkg-query --status "$1" | sed '/^Status:/d' >DEBIAN/control
            dpkg-query --listfiles "$1" | while read -r file; do
              if [ -d "$file" ] && [ ! -L "$file" ]; then mkdir -p ".$file"
              else cp -a "$file" ".$file"; fi
            done
            dpkg-deb --build --root-owner-group . "$2/$1.deb"
            """
        try mustRun(["sh", "-ec", script, "sh", package, directory.path])
        return directory.file("\(package).deb")
    }
    private static let repacking = try! TemporaryDirectory()

    /// A 32-bit program with the loader and the C library that it needs, in a place of its own.
    private func addProgramOf32Bit(to host: Host) throws {
        let program = try Fixtures.program(
            "endings", .i386, flags: ["-Wl,--dynamic-linker=/opt/32/ld-linux.so.2,-rpath,/opt/32"])
        let listing = try mustRun(["cc", "-m32", "-print-file-name=libc.so.6"])
        let libc = URL(fileURLWithPath: listing.trimmingCharacters(in: .whitespacesAndNewlines))
            .resolvingSymlinksInPath()
        try mustRun(["cp", program, "\(host.machine.share)/endings"])
        for name in ["ld-linux.so.2", "libc.so.6"] {
            let file = libc.deletingLastPathComponent().appendingPathComponent(name).path
            try mustRun(["cp", "-L", file, "\(host.machine.share)/\(name)"])
        }
        try host.must(
            """
            cd /tmp/share; mkdir -p /opt/32
            install -m 755 endings ld-linux.so.2 libc.so.6 /opt/32
            rm endings ld-linux.so.2 libc.so.6
            """)
    }
}
