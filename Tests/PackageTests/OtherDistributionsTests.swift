import Foundation
import TestSupport
import Testing

/// What is there for distributions whose systems and tools cannot be had here: as much of it is tried
/// as there are tools for. README says what was built and what was only looked at.
@Suite("Arch, Alpine and NixOS", .requires(.root))
struct OtherDistributionsTests {
    @Test("they name the version of the changelog")
    func version() throws {
        let version = try mustRun([Products.mptcpize, "--version"]).dropFirst(9).dropLast()
        for (file, line) in [
            ("arch/PKGBUILD", "pkgver=\(version)\n"), ("alpine/APKBUILD", "pkgver=\(version)\n"),
            ("nixos/package.nix", "version = \"\(version)\";\n"),
        ] {
            let text = try String(
                contentsOfFile: Repository.path("packaging/\(file)"), encoding: .utf8)
            #expect(text.contains(line), "\(file)")
        }
    }

    @Test(
        "Arch's package is built twice alike, installed by pacman into an empty root, used, removed",
        .requires(.command("makepkg", "pacman", "bsdtar", "busybox")))
    func arch() throws {
        let package = try makepkg()
        #expect(FileManager.default.contentsEqual(atPath: package, andPath: try makepkg()))
        let root = try EmptyRoot()
        try root.run(
            "mkdir -p /var/lib/pacman; printf '[options]\\nSigLevel = Never\\n' >/etc/pacman.conf")
        let before = try root.files()
        let pacman = [
            "pacman", "--root", root.path, "--config", "\(root.path)/etc/pacman.conf",
            "--noconfirm",
            "--noprogressbar",
        ]
        try root.mounted(pacman + ["--upgrade", package])
        let settings = "\(root.path)/etc/mptcpize/policy.conf"
        #expect(access(settings, R_OK) == 0)
        #expect(
            try FileManager.default.destinationOfSymbolicLink(
                atPath: "\(root.path)/usr/lib/mptcpize") == "x86_64-linux-gnu/mptcpize")
        try root.expectMPTCP()

        // An upgrade leaves what an administrator has written.
        try "tcp any loopback *\n".write(toFile: settings, atomically: true, encoding: .utf8)
        try root.mounted(pacman + ["--upgrade", package])
        #expect(try String(contentsOfFile: settings, encoding: .utf8) == "tcp any loopback *\n")
        try root.mounted(pacman + ["--remove", "--nosave", "mptcpize"])
        #expect(try root.files() == before)
    }

    /// Alpine's own tools are nowhere to be had: its shell is, and its C library.
    @Test(
        "Alpine's package() makes a tree that works with musl, and its script puts it back",
        .requires(.command("busybox")))
    func alpine() throws {
        let directory = try unpacked()
        let script = """
            set -e
            srcdir=$1 pkgdir=$2 CARCH=x86_64
            . "$0"
            [ "$install" = mptcpize.pre-deinstall ]
            cd "$builddir"; package
            """
        try mustRun(
            [
                "busybox", "ash", "-c", script, Repository.path("packaging/alpine/APKBUILD"),
                directory.path, directory.file("package"),
            ])
        let root = try EmptyRoot()
        try mustRun(["cp", "-a", "\(directory.file("package"))/.", root.path])
        #expect(access("\(root.path)/etc/mptcpize/policy.conf", R_OK) == 0)
        #expect(access("\(root.path)/usr/lib/systemd", F_OK) != 0)
        try root.expectMPTCP()
        let scriptlet = Repository.path("packaging/alpine/mptcpize.pre-deinstall")
        try mustRun(["cp", scriptlet, "\(root.path)/scriptlet"])
        let said = try root.run("mkdir -p /var/lib/mptcpize; sh /scriptlet 2>&1")
        #expect(!said.contains("mptcpize:"), "\(said)")
        #expect(access("\(root.path)/var/lib/mptcpize", F_OK) != 0)
    }

    @Test(
        "NixOS's module sets what its options say, and its package is a tree that works",
        .requires(.command("nix-instantiate")))
    func nixos() throws {
        let settings = """
            { enable = true; tarball = "/tarball"; policy = "tcp any loopback *";
              units.nginx = { rules = [ "tcp connect private *" ]; keepTCP = true; };
              units."ssh.socket" = { };
              units."machine.slice".mode = "bpf";
              metrics.http = true; }
            """
        let module = try evaluated(settings)
        let units = try #require(module.services["mptcpize-units"])
        let commands = [
            #""enable" "--runtime" "--mode" "bpf" "machine.slice""#,
            #""enable" "--runtime" "--mode" "preload" "--rule" "tcp connect private *" "#
                + #""--keep-tcp" "nginx.service""#,
            #""enable" "--runtime" "--mode" "preload" "ssh.socket""#,
        ]
        #expect(
            units.serviceConfig?.commands
                == commands.map { "\"/nix/mptcpize/bin/mptcpize\" \($0)" })
        #expect(units.before == ["shutdown.target", "nginx.service", "ssh.socket"])
        #expect(module.sockets["mptcpize-metrics"]??.wantedBy == ["sockets.target"])
        #expect(module.timers["mptcpize-metrics"] == .some(nil))
        #expect(throws: CommandFailed.self) {
            try evaluated("{ enable = true; tarball = \"/tarball\"; untis.nginx = { }; }")
        }

        let directory = try unpacked()
        let script = """
            runHook() { :; }
            cd "$0"/mptcpize-*; out=$1; eval "$2"
            "$out/bin/mptcpize" --version
            grep -q "^ExecStart=$out/bin/mptcpize" "$out"/lib/systemd/system/*.service
            grep -q "\\"$out/bin/mptcpize\\"" "$out"/share/containers/oci/hooks.d/*
            """
        let out = directory.file("out")
        let said = try mustRun(
            ["bash", "-ec", script, directory.path, out, module.package.installPhase])
        #expect(try said == mustRun([Products.mptcpize, "--version"]))
        let program = try Fixtures.program("endings")
        let report = directory.file("report")
        try mustRun(["\(out)/bin/mptcpize", "run", "--json", "-o", report, program, "close"])
        #expect(try Report(file: report).summary.tcp == 0)
    }

    // MARK: Steps

    /// The tarball's tree, below a folder of its own.
    private func unpacked() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        try mustRun(["tar", "-xzf", Packages.sharedTarball(), "-C", directory.path])
        return directory
    }

    /// The package that makepkg makes, as any user: it refuses root.
    private func makepkg() throws -> String {
        let directory = Self.building
        // Packages note where they were built.
        let folder = directory.file("arch")
        let script = """
            chmod 755 "$1"; rm -rf "$0"; mkdir "$0"; cp "$2"/* "$3" "$0"; chown -R nobody "$0"; cd "$0"
            exec setpriv --reuid=nobody --regid=nogroup --clear-groups \
              env HOME="$0" PKGEXT=.pkg.tar.gz makepkg --nodeps --noconfirm
            """
        try mustRun(
            [
                "sh", "-ec", script, folder, directory.path, Repository.path("packaging/arch"),
                Packages.sharedTarball(),
            ],
            environment: [
                "SOURCE_DATE_EPOCH": "1763683200", "PACKAGER": "nobody <nobody@mptcpize.invalid>",
            ], timeout: .seconds(120))
        let name = try FileManager.default.contentsOfDirectory(atPath: folder)
            .first { $0.hasSuffix(".pkg.tar.gz") }
        let kept = directory.file("\(UUID()).pkg.tar.gz")
        try FileManager.default.moveItem(atPath: "\(folder)/\(#require(name))", toPath: kept)
        return kept
    }
    private static let building = try! TemporaryDirectory()

    private func evaluated(_ settings: String) throws -> NixModule {
        let state = try TemporaryDirectory()
        let json = try mustRun(
            [
                "nix-instantiate", "--eval", "--strict", "--json",
                Repository.path("Tests/Fixtures/evaluate_module.nix"), "--arg", "module",
                Repository.path("packaging/nixos/module.nix"), "--arg", "settings", settings,
            ],
            environment: [
                "NIX_STATE_DIR": state.file("var"), "NIX_STORE_DIR": state.file("store"),
                "NIX_LOG_DIR": state.file("log"), "NIX_CONF_DIR": state.path,
            ])
        return try JSONDecoder().decode(Evaluated.self, from: Data(json.utf8)).module
    }
}

/// What evaluate_module.nix prints.
private struct Evaluated: Decodable {
    let systemd: Systemd
    let package: NixModule.Package

    struct Systemd: Decodable {
        let services: [String: NixModule.Unit?]
        let sockets: [String: NixModule.Unit?]
        let timers: [String: NixModule.Unit?]
    }

    var module: NixModule {
        NixModule(
            services: systemd.services.compactMapValues { $0 }, sockets: systemd.sockets,
            timers: systemd.timers, package: package)
    }
}

private struct NixModule {
    let services: [String: Unit]
    let sockets: [String: Unit?]
    let timers: [String: Unit?]
    let package: Package

    struct Unit: Decodable, Equatable {
        let wantedBy: [String]?
        let before: [String]?
        let serviceConfig: Config?
    }

    struct Config: Decodable, Equatable {
        let commands: [String]

        enum CodingKeys: String, CodingKey { case commands = "ExecStart" }
    }

    struct Package: Decodable { let installPhase: String }
}
