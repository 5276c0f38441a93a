import Foundation
import TestSupport
import Testing

/// What `run` says of programs that the preload library does not come into.
@Suite("Programs that run does not reach", .requires(.mptcp))
struct UnreachedProgramsTests {
    private func report(_ script: String, _ options: String...) throws -> Outcome {
        try run([Products.mptcpize, "run", "--report"] + options + ["python3", "-c", script])
    }

    @Test("are named in the report, with how often and why")
    func reported() throws {
        let outcome = try report(
            """
            import os, socket, subprocess
            socket.socket()
            for i in range(2): subprocess.run(["env"], env={"A": "1"}, stdout=subprocess.DEVNULL)
            subprocess.run("env -i /bin/true", shell=True)
            os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
            os.waitpid(os.posix_spawnp("true", ["true"], os.environ), 0)
            subprocess.run(["true"])
            os.system("true")
            try: os.execv("/nowhere", ["nowhere"])
            except OSError: pass
            """)
        #expect(outcome.succeeded, "\(outcome)")
        #expect(
            outcome.errors.contains(
                "4 started programs were not reached: env (LD_PRELOAD removed, 2 times), "
                    + "true (LD_PRELOAD removed, 2 times)."), "\(outcome)")
    }

    @Test("static, and through scripts", .requires(.command("busybox")))
    func linkedStatically() throws {
        let directory = try TemporaryDirectory()
        try directory.write("#!\(Environment.find("busybox")!) true\n", to: "script")
        try mustRun(["chmod", "755", directory.file("script")])
        let outcome = try report(
            """
            import subprocess
            subprocess.run(["busybox", "true"]); subprocess.run(["\(directory.file("script"))"])
            """)
        #expect(
            outcome.errors.contains("not reached: busybox (static), script (static)."), "\(outcome)"
        )
    }

    @Test("are told of as they are started, and are in the JSON document")
    func watched() throws {
        let script = "import subprocess; subprocess.run(['true'], env={})"
        let watched = try run([Products.mptcpize, "run", "-d", "python3", "-c", script])
        #expect(
            watched.errors.contains(
                #/mptcpize: true\[\d+\]: was started, but not reached \(LD_PRELOAD removed\)/#),
            "\(watched)")
        let json = try report(script, "--json")
        #expect(
            json.errors.contains(
                #"{"program": "true", "reason": "environment", "count": 1}"#), "\(json)")
        let none = try report("import subprocess; subprocess.run(['true'])", "--json")
        #expect(none.errors.contains("\"unreached\": []"), "\(none)")
    }

    @Test("a library that LD_PRELOAD names before ours may have taken what is not seen")
    func otherLibraries() throws {
        let directory = try TemporaryDirectory()
        let other = directory.file("libother.so")
        try mustRun(["cc", "-shared", "-x", "c", "-o", other, "-"], input: "int other;\n")
        let outcome = try run(
            [Products.mptcpize, "run", "--report", "true"], environment: ["LD_PRELOAD": other])
        #expect(
            outcome.errors.contains(
                ", or by libother.so, which LD_PRELOAD names "
                    + "before mptcpize's library"), "\(outcome)")
    }

    @Test("wrappers are told of beforehand, with what reaches their program")
    func wrappers() throws {
        for (arguments, reason, next) in [
            (["env", "-i", "true"], "an environment of its own", "`env -i mptcpize run PROGRAM`"),
            (["env", "-u", "LD_PRELOAD", "true"], "an environment of its own", "mptcpize run"),
        ] {
            let outcome = try run([Products.mptcpize, "run", "--mode", "preload"] + arguments)
            #expect(outcome.succeeded, "\(outcome)")
            #expect(outcome.errors.contains("env: starts its program with \(reason)"), "\(outcome)")
            #expect(outcome.errors.contains(next), "\(outcome)")
        }
        let plain = try run([Products.mptcpize, "run", "env", "A=1", "true"])
        #expect(plain.errors == "", "\(plain)")
    }
}
