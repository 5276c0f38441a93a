import Foundation
import TestSupport
import Testing

extension Requirement {
    /// What RPM packages are built, looked at and installed with.
    static let rpm = Requirement("root, rpm, rpmlint and busybox") {
        geteuid() == 0
            && ["rpm", "rpmbuild", "rpmlint", "busybox"].allSatisfy { Environment.find($0) != nil }
    }
}

/// `make rpm`: what it writes, and what becomes of a system that installs and removes it. The
/// systems of Red Hat's and SUSE's cannot be had here: an empty root stands for them, with another C
/// library than the one that mptcpize was built with; and for their systemd, this machine's.
@Suite("RPM packages", .requires(.rpm), .requires(.systemdMachines))
struct RPMPackageTests {
    @Test("rpmlint has nothing to object")
    func lint() throws {
        let settings = Repository.path("packaging/rpm/rpmlint.toml")
        let outcome = try run(
            ["rpmlint", "--config", settings] + Packages.rpms(), timeout: .seconds(300))
        #expect(outcome.succeeded, "\(outcome)")
        #expect(outcome.output.contains("3 packages and 0 specfiles checked; 0 errors, 0 warnings"))
    }

    @Test("the same tarball makes the same bytes")
    func reproducible() throws {
        let again = try TemporaryDirectory()
        try mustRun(
            [
                "sh", "-c", "umask 077; exec \"$0\" \"$1\" \"$2\"", Repository.path("scripts/rpm"),
                again.path, Packages.sharedTarball(),
            ], environment: ["TZ": "Asia/Tokyo", "LC_ALL": "C"], timeout: .seconds(300))
        for rpm in try Packages.rpms() {
            let name = URL(fileURLWithPath: rpm).lastPathComponent
            #expect(
                FileManager.default.contentsEqual(atPath: rpm, andPath: again.file(name)), "\(name)"
            )
        }
    }

    /// What would keep them from RHEL 8, whose C library is glibc 2.28.
    @Test("they need a shell and no C library, and name the loader's folders of Fedora's")
    func needs() throws {
        for rpm in try Packages.rpms() {
            let needs = try mustRun(["rpm", "--query", "--package", "--requires", rpm])
            let unknown = needs.split(separator: "\n").filter {
                !$0.hasPrefix("rpmlib(") && !$0.contains("mptcpize") && $0 != "/bin/sh"
            }
            #expect(unknown == [], "\(rpm)")
        }
        let libraries = try Packages.rpms()[1...].map {
            try mustRun(["rpm", "--query", "--package", "--list", $0])
        }
        #expect(libraries[0].contains("/usr/lib/mptcpize\n"))
        #expect(libraries[1].contains("/usr/lib64/mptcpize\n"))
    }

    @Test("installed into an empty root, used there with musl, removed without a trace")
    func emptyRoot() throws {
        let root = try rootWithRPM()
        let before = try root.files()
        try rpm(root, ["--install"] + Packages.rpms())
        try root.expectMPTCP()
        try rpm(
            root,
            [
                "--erase", "mptcpize", "mptcpize-preload.x86_64", "mptcpize-preload.i686",
            ])
        #expect(try root.files() == before)
    }

    @Test("mptcpd, which has a /usr/bin/mptcpize, is not installed beside it")
    func conflict() throws {
        let root = try rootWithRPM()
        try rpm(root, ["--install", package("mptcpd")])
        let outcome = try run(
            ["rpm", "--root", root.path, "--install"] + Packages.rpms(), timeout: .seconds(60))
        #expect(!outcome.succeeded)
        #expect(outcome.errors.contains("mptcpd conflicts with mptcpize"), "\(outcome)")
    }

    @Test("a service is enabled, kept by an upgrade from 0.1, and as before when it is removed")
    func service() throws {
        let host = try Host()
        for rpm in try Packages.rpms() + newer() { try host.bring(rpm) }
        try host.must(
            """
            dpkg --purge --force-depends mptcpize 2>/dev/null || true
            rm -rf /etc/mptcpize /var/lib/mptcpize /run/mptcpize
            # What every system with rpm has.
            mkdir -p /usr/share/licenses; touch /usr/share/fish/vendor_completions.d/another
            rpm --initdb
            """)
        try host.addService()
        let before = try traces(on: host)
        // /bin/sh is not rpm's here.
        try host.must("rpm --install --nodeps /tmp/share/mptcpize*-0.1*.rpm")
        try host.expectMPTCP(Host.connection)
        #expect(try host.must("mptcpize enable --now web").contains("it uses MPTCP"))
        #expect(try host.listensWithMPTCP())
        try host.must("systemctl daemon-reload; systemctl enable --now mptcpize-metrics.socket")

        try host.must("rpm --upgrade --nodeps /tmp/share/mptcpize*-99-*.rpm")
        #expect(try host.must("rpm --query mptcpize") == "mptcpize-99-1.x86_64\n")
        #expect(try host.must("mptcpize status").contains("web.service: enabled"))

        try host.must("rpm --erase $(rpm --query --all 'mptcpize*')")
        try host.must("systemctl daemon-reload; systemctl restart web")
        #expect(try !host.listensWithMPTCP())
        let difference = try traces(on: host).symmetricDifference(before)
        #expect(difference.isEmpty, "\(difference.sorted())")
    }

    /// What is there of the packages' own, and of what mptcpize writes.
    private func traces(on host: Host) throws -> Set<Substring> {
        let listing = try host.must(
            """
            for file in $(rpm --query --package --list /tmp/share/*.rpm | sort -u); do
              [ ! -e "$file" ] || echo "$file"
            done
            find /etc /run/mptcpize /var/lib/mptcpize /usr/lib/systemd -xdev -printf '%y %m %p %l\n' \
              2>/dev/null || true
            """)
        return Set(listing.split(separator: "\n"))
    }

    /// The packages of a version above all.
    private func newer() throws -> [String] {
        let directory = Self.newerDirectory
        let script = """
            tar -xzf "$1"; mv mptcpize-* mptcpize-99-x86_64
            tar -czf mptcpize-99-x86_64.tar.gz mptcpize-99-x86_64
            "$2" "$0" mptcpize-99-x86_64.tar.gz
            """
        try mustRun(
            [
                "sh", "-ec", "cd \"$0\"\n" + script, directory.path, Packages.sharedTarball(),
                Repository.path("scripts/rpm"),
            ], timeout: .seconds(300))
        return try FileManager.default.contentsOfDirectory(atPath: directory.path)
            .filter { $0.hasSuffix(".rpm") }.map(directory.file)
    }
    private static let newerDirectory = try! TemporaryDirectory()

    // MARK: An empty root

    private func rootWithRPM() throws -> EmptyRoot {
        let root = try EmptyRoot()
        try rpm(root, ["--install", package("base")])
        return root
    }

    /// An empty package of a name. Each says that it has the shell.
    private func package(_ name: String) throws -> String {
        let directory = Self.emptyPackages
        try directory.write(
            """
            Name: \(name)
            Version: 1
            Release: 1
            Summary: none
            License: none
            BuildArch: noarch
            Provides: /bin/sh
            %description
            none
            %files
            """, to: "\(name).spec")
        try mustRun([
            "rpmbuild", "-bb", "--quiet", "--define", "_topdir \(directory.path)",
            directory.file("\(name).spec"),
        ])
        return directory.file("RPMS/noarch/\(name)-1-1.noarch.rpm")
    }
    private static let emptyPackages = try! TemporaryDirectory()

    private func rpm(_ root: EmptyRoot, _ arguments: [String]) throws {
        try root.mounted(["rpm", "--root", root.path] + arguments)
    }
}
