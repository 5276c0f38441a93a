import Testing

@testable import Launch
@testable import LinuxSystem
@testable import ServiceStatus
@testable import SystemdUnits

/// The sentence of every cause, from what /proc shows to what is to be typed next.
@Suite("Why a process was not reached")
struct UnreachedCauseTests {
    private typealias Surroundings = UnreachedCause.Surroundings

    private struct Row: Sendable {
        let name: String
        let evidence: ProcessEvidence
        var surroundings = Surroundings()
        let reason: String
        let remedy: String
        /// Whether it is foreseen of a process that runs without the unit being enabled.
        var isForeseen = true
    }

    private static let library = "/opt/mptcpize/lib/x86_64-linux-gnu/mptcpize/libmptcpize.so"
    private static let bpf =
        "`mptcpize enable --mode bpf x.service` reaches it (Linux 6.6 or newer)"
    private static let with = ProcessEvidence.Environment.preload(library)
    private static let without = ProcessEvidence.Environment.without(isOfSystemd: true)
    private static let emptied = ProcessEvidence.Environment.without(isOfSystemd: false)

    private static func surroundings(_ change: (inout Surroundings) -> Void) -> Surroundings {
        var result = Surroundings()
        result.dropInAge = 100
        change(&result)
        return result
    }

    private static func image(_ change: (inout ProcessEvidence.Image) -> Void)
        -> ProcessEvidence
        .Image
    {
        var result = ProcessEvidence.Image(architecture: .native)
        change(&result)
        return result
    }

    private static let rows = [
        Row(
            name: "older-than-drop-in",
            evidence: .init(mapping: .absent, environment: without, age: 200),
            surroundings: surroundings { _ in },
            reason: "it has run since before the unit was enabled",
            remedy: "`systemctl restart x.service`", isForeseen: false),
        Row(
            name: "secure-execution",
            evidence: .init(mapping: .absent, environment: with, isSecure: true, age: 1),
            reason: "its loader ignores LD_PRELOAD (it changes its user before it starts the next "
                + "program)", remedy: bpf),
        Row(
            name: "secure-execution",
            evidence: .init(
                mapping: .absent, environment: without, isSecure: true, privileges: .setUser),
            reason: "its loader ignores LD_PRELOAD (its file is set-uid)", remedy: bpf),
        Row(
            name: "secure-execution",
            evidence: .init(
                mapping: .absent, environment: with, isSecure: true, privileges: .setGroup),
            reason: "its loader ignores LD_PRELOAD (its file is set-gid)", remedy: bpf),
        Row(
            name: "secure-execution",
            // Loaded, and inert.
            evidence: .init(
                mapping: .executable, environment: with, isSecure: true,
                privileges: .fileCapabilities),
            reason: "its loader ignores LD_PRELOAD (its file has capabilities)", remedy: bpf),
        Row(
            name: "environment", evidence: .init(mapping: .absent, environment: emptied, age: 1),
            surroundings: surroundings { _ in },
            reason: "it was started with an environment of its own, without LD_PRELOAD",
            remedy: bpf),
        // A restart would not help, however old it is.
        Row(
            name: "environment", evidence: .init(mapping: .absent, environment: emptied, age: 200),
            surroundings: surroundings { _ in },
            reason: "it was started with an environment of its own, without LD_PRELOAD",
            remedy: bpf),
        Row(
            name: "environment", evidence: .init(mapping: .absent, environment: without, age: 1),
            surroundings: surroundings { _ in },
            reason: "it was started with an environment of its own, without LD_PRELOAD",
            remedy: bpf, isForeseen: false),
        Row(
            name: "environment", evidence: .init(mapping: .absent, environment: .unknown, age: 1),
            surroundings: surroundings { _ in },
            reason: "it was started with an environment of its own, without LD_PRELOAD",
            remedy: bpf, isForeseen: false),
        Row(
            name: "environment", evidence: .init(mapping: .absent, environment: without, age: 1),
            surroundings: surroundings { $0.unreachedParent = .init(pid: 7, program: "squid") },
            reason: "squid (7), which was not reached, started it without LD_PRELOAD",
            remedy: bpf),
        Row(
            name: "noexec",
            evidence: .init(mapping: .notExecutable(library), environment: with, age: 1),
            surroundings: surroundings { $0.obstacle = .noexecMount },
            reason: "\(library) is on a file system that is mounted noexec",
            remedy: "`findmnt -T /opt/mptcpize/lib/x86_64-linux-gnu/mptcpize` shows the mount: "
                + "remount it with exec, or install mptcpize elsewhere"),
        Row(
            name: "selinux",
            evidence: .init(mapping: .notExecutable(library), environment: with, age: 1),
            surroundings: surroundings { $0.obstacle = .label("system_u:object_r:usr_t:s0") },
            reason: "SELinux does not let it execute \(library), which is labelled "
                + "system_u:object_r:usr_t:s0",
            remedy: "`restorecon -R /opt/mptcpize/lib/x86_64-linux-gnu/mptcpize`, or install "
                + "mptcpize below /usr or /usr/local"),
        Row(
            name: "not-executable",
            evidence: .init(mapping: .notExecutable(library), environment: with, age: 1),
            reason: "\(library) can be read there, but not executed",
            remedy: "`findmnt -T /opt/mptcpize/lib/x86_64-linux-gnu/mptcpize` shows the mount: "
                + "remount it with exec, or install mptcpize elsewhere"),
        Row(
            name: "own-root", evidence: .init(mapping: .absent, environment: emptied),
            surroundings: surroundings { $0.seesLibrary = false },
            reason: "it has a root of its own, as in a container, without the preload library",
            remedy: bpf),
        Row(
            name: "static",
            evidence: .init(
                mapping: .absent, environment: with, image: image { $0.isStatic = true }),
            reason: "statically linked, so no preload library reaches it", remedy: bpf),
        Row(
            name: "old-go",
            evidence: .init(
                mapping: .absent, environment: with,
                image: image { $0.go = GoVersion("go1.19.8") }),
            reason: "built by go1.19.8, which does not know MPTCP (go1.21 and newer do)",
            remedy: bpf),
        Row(
            name: "go-multipath-off",
            evidence: .init(
                mapping: .absent, environment: with, image: image { $0.go = GoVersion("go1.22.1") },
                goMultipath: false),
            reason: "GODEBUG says multipathtcp=0", remedy: "remove that from GODEBUG"),
        Row(
            name: "environment",
            evidence: .init(
                mapping: .absent, environment: emptied,
                image: image { $0.go = GoVersion("go1.22.1") }),
            reason: "it was started with an environment of its own, without LD_PRELOAD",
            remedy: bpf),
        Row(
            name: "address-sanitizer",
            evidence: .init(
                mapping: .absent, environment: with,
                image: image { $0.needsAddressSanitizer = true }),
            reason: "built with AddressSanitizer, which refuses to start after a preload library",
            remedy: bpf),
        Row(
            name: "no-library",
            evidence: .init(
                mapping: .absent, environment: with, image: image { $0.architecture = .i386 }),
            surroundings: surroundings { $0.hasLibrary = { $0 == .native } },
            reason: "an i386 program, but no preload library for these is installed",
            remedy: "install the preload library for it, or " + bpf),
        Row(
            name: "not-loaded", evidence: .init(mapping: .absent, environment: with),
            surroundings: surroundings { $0.seesLibrary = true },
            reason: "its loader did not load the preload library, which LD_PRELOAD names",
            remedy: "`journalctl -u x.service` may show the loader's reason"),
    ]

    private let manager = ServiceManager(
        scope: .system, configuration: "/nowhere", runtime: "/nowhere")
    private let unit = UnitName("x.service")!

    @Test("each cause has its sentence, and what to type next")
    func sentences() {
        for row in Self.rows {
            let cause = UnreachedCause(row.evidence, in: row.surroundings)
            #expect(cause.name == row.name, "\(row.reason)")
            #expect(cause.reason == row.reason)
            #expect(cause.remedy(unit, of: manager) == row.remedy)
        }
        #expect(UnreachedCause.notAttached.name == "not-attached")
        #expect(
            UnreachedCause.notAttached.remedy(unit, of: manager) == "`systemctl restart x.service`")
    }

    @Test("what runs now foretells a cause, where a restart does not change it")
    func foreseen() {
        for row in Self.rows {
            let cause = UnreachedCause.predicted(row.evidence, in: row.surroundings)
            #expect(cause?.reason == (row.isForeseen ? row.reason : nil), "\(row.name)")
        }
        let reached = ProcessEvidence(mapping: .executable, environment: Self.with)
        #expect(
            UnreachedCause.predicted(
                ProcessEvidence(mapping: .absent, environment: Self.without), in: .init()) == nil)
        #expect(reached.mapping == .executable)
    }

    @Test("never is a restart the remedy for what is younger than the drop-in")
    func younger() {
        for row in Self.rows {
            var evidence = row.evidence
            evidence.age = 1
            var surroundings = row.surroundings
            surroundings.dropInAge = 100
            let cause = UnreachedCause(evidence, in: surroundings)
            #expect(!cause.remedy(unit, of: manager).contains("restart"), "\(row.name)")
        }
    }

    @Test("environments: whole, emptied, written over")
    func environments() {
        func environment(_ entries: [String]) -> ProcessEvidence.Environment {
            ProcessEvidence.environment(entries.map { Bytes($0.utf8) })
        }
        #expect(
            environment(["LD_PRELOAD=/a.so:/x/libmptcpize.so", ""]) == .preload("/x/libmptcpize.so")
        )
        #expect(environment(["A=1", "INVOCATION_ID=0", ""]) == .without(isOfSystemd: true))
        #expect(environment(["A=1", "LD_PRELOAD=/a.so", ""]) == .without(isOfSystemd: false))
        #expect(environment([]) == .without(isOfSystemd: false))
        // Titles.
        #expect(environment(["er process", "A=1", ""]) == .unknown)
        #expect(environment(["", "", "", ""]) == .unknown)
        #expect(ProcessEvidence.environment(nil) == .unknown)
    }
}
