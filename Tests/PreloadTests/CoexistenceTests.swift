import Foundation
import TestSupport
import Testing

/// The preload library inside programs that do difficult things.
@Suite("In difficult programs", .serialized, .requires(.mptcp))
struct CoexistenceTests {
    @Test(
        "eight threads with 10 000 sockets each lose and leak none",
        arguments: [Fixtures.Flavour.glibc, .musl, .i386])
    func threads(flavour: Fixtures.Flavour) throws {
        let library = Products.library(flavour == .i386 ? .i386 : .native)
        let outcome = try preloaded(
            [Fixtures.program("threads", flavour), "8", "10000"], library: library)
        #expect(outcome.output == "mptcp 80000 tcp 0 failed 0 leaked 0\n", "\(outcome)")
    }

    @Test("ThreadSanitizer finds nothing", .requires(.flavour(.threadSanitizer)))
    func threadSanitizer() throws {
        // Without randomised addresses: this sanitizer runtime cannot place its shadow
        // memory where kernels with 32 bits of randomisation put things.
        let outcome = try preloaded(
            ["setarch", "-R", Fixtures.program("threads", .threadSanitizer), "4", "500"])
        #expect(outcome.output == "mptcp 2000 tcp 0 failed 0 leaked 0\n", "\(outcome)")
        #expect(outcome.errors.isEmpty, "\(outcome)")
    }

    @Test("sockets in a signal handler are like any other")
    func signalHandlers() throws {
        let outcome = try preloaded([Fixtures.program("signals")])
        #expect(
            outcome.output == "enough in the handler 1, in the program 1, wrong 0\n", "\(outcome)")
    }

    @Test("forks, vforks and what they exec are reached")
    func processes() throws {
        let outcome = try preloaded([Fixtures.program("processes")])
        #expect(
            outcome.output.split(separator: "\n")
                == ["self", "fork", "vfork", "spawn", "double", "after"].map { "\($0) 262" },
            "\(outcome)")
    }

    @Test("threads in accept can be cancelled, whether or not anything is recorded")
    func cancellation() throws {
        let expected = "cancelled 2 cleaned up 2\n"
        #expect(try preloaded([Fixtures.program("cancel")]).output == expected)
        let ring = try RingFile()
        let outcome = try preloaded([Fixtures.program("cancel")], environment: ring.environment)
        #expect(outcome.output == expected, "\(outcome)")
    }

    @Test("a program whose first thread has ended has its options mended")
    func leaderEnds() throws {
        let outcome = try preloaded([Fixtures.program("leader_ends")])
        #expect(outcome.output == "0 6 1000000\n", "\(outcome)")
    }

    @Test("any call may be the first one, before our constructor")
    func firstCalls() throws {
        let other = try Fixtures.library("early_call")
        let names = try String(
            contentsOfFile: Repository.path("Sources/Interposer/exports.txt"), encoding: .utf8
        ).split(separator: "\n").filter { !$0.hasPrefix("#") && !$0.contains(" ") }
        #expect(names.count > 30)
        for name in names {
            let outcome = try preloaded(
                ["true"], library: "\(Products.library()):\(other)",
                environment: ["EARLY_CALL": String(name)])
            #expect(outcome.end == .exited(0) && outcome.errors.isEmpty, "\(name): \(outcome)")
        }
    }

    @Test(
        "nothing is left for dlerror() to tell", arguments: [Fixtures.Flavour.glibc, .musl])
    func errorsOfTheLinker(flavour: Fixtures.Flavour) throws {
        let program = try Fixtures.program("dl_error", flavour, flags: ["-ldl"])
        #expect(try preloaded([program]).output == "nothing\n")
    }

    @Test("another preload library sees the same calls, before ours and after it")
    func otherPreloads() throws {
        let other = try Fixtures.library("counting_preload")
        let program = try Fixtures.program("several")
        let ours = Products.library()
        // Before ours it sees the program's request, after ours the upgraded one. Its own
        // constructor's socket comes in both cases before our constructor ran.
        for (order, upgrades) in [("\(other):\(ours)", 0), ("\(ours):\(other)", 5)] {
            let outcome = try preloaded([program, "2"], library: order)
            #expect(outcome.output == "262 262 262 262\n")
            #expect(outcome.errors == "sockets 5 upgrades \(upgrades) closes 5\n", "\(order)")
        }
    }

    @Test("a ring that is no ring is ignored")
    func badRings() throws {
        let files = try TemporaryDirectory()
        let short = try files.write("short", to: "short")
        let link = files.file("link")
        let ring = try RingFile()
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: ring.path)
        let zeroes = files.file("zeroes")
        try mustRun(["truncate", "-s", "64M", zeroes])
        for path in [short, link, zeroes, files.path, "/dev/zero", "/nonexistent", "", "relative"] {
            let outcome = try preloaded(
                [Fixtures.program("several"), "1"], environment: ["MPTCPIZE_RING": path])
            #expect(outcome.output == "262 262\n" && outcome.errors.isEmpty, "\(path): \(outcome)")
        }
        #expect(ring.events().isEmpty)
    }

    @Test("a set-uid program is left alone", .requires(.root))
    func setUserID() throws {
        let files = try TemporaryDirectory()
        // ld.so preloads into a set-uid program only what lies in a system directory and is
        // set-uid itself: an overlay of /usr/lib in a mount namespace provides that.
        let script = """
            set -e
            mount -t tmpfs tmpfs "$1"; mkdir "$1/upper" "$1/work"
            mount -t overlay overlay -o "lowerdir=/usr/lib,upperdir=$1/upper,workdir=$1/work" /usr/lib
            cp "$2" /usr/lib/libmptcpize-test.so; chmod u+s /usr/lib/libmptcpize-test.so
            cp "$3" "$1/program"; chmod 755 "$1" "$1/program"
            export LD_PRELOAD=libmptcpize-test.so
            "$1/program" 1
            chown nobody "$1/program"; chmod u+s "$1/program"
            "$1/program" 1
            """
        let outcome = try run([
            "unshare", "--mount", "bash", "-c", script, "bash", files.path, Products.library(),
            Fixtures.program("several"),
        ])
        #expect(outcome.output == "262 262\n6 6\n", "\(outcome)")
    }
}
