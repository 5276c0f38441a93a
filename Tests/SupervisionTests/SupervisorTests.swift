import Foundation
import TestSupport
import Testing

/// As if it were not there: what programs, shells and users notice.
@Suite("The supervisor")
struct SupervisorTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("the program's exit status is its own", arguments: [0, 1, 77, 255] as [Int32])
    func exitStatus(status: Int32) throws {
        let outcome = try run(Driver.shell("echo out; echo err >&2; exit \(status)"))
        #expect(outcome.end == .exited(status))
        #expect(outcome.output == "out\n")
        #expect(outcome.errors.hasPrefix("err\n\(Driver.empty)"))
    }

    @Test(
        "so is the signal that ends it",
        arguments: [SIGTERM, SIGKILL, SIGSEGV, SIGINT, 40] as [Int32])
    func endingSignal(number: Int32) throws {
        let outcome = try run(Driver.shell("kill -\(number) $$"), directory: directory.path)
        #expect(outcome.end == .signalled(number))
        #expect(outcome.errors.hasPrefix(Driver.empty))
    }

    @Test(
        "a signal sent to it reaches the program, and the report comes all the same",
        arguments: ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "ALRM", "WINCH", "PIPE", "CONT"])
    func relay(name: String) throws {
        let script = "trap 'echo got; exit 3' \(name); echo ready; while :; do sleep 0.01; done"
        let program = try Background(Driver.shell(script))
        try program.waitUntilItPrints("ready")
        try mustRun(["kill", "-\(name)", "\(program.pid)"])
        let outcome = program.wait()
        #expect(outcome.end == .exited(3), "\(outcome)")
        #expect(outcome.output == "ready\ngot\n")
        #expect(outcome.errors.hasPrefix(Driver.empty))
    }

    @Test("what the program sends to its whole group does not come back to it")
    func ownGroup() throws {
        let script = """
            kill -USR1 0
            sh -c 'trap "" USR1; kill -USR1 0; exec sleep 60' &
            while [ ! -e twice ]; do sleep 0.01; done
            sleep 0.2  # long enough for one that should not come
            kill $!
            exit 4
            """
        let counting = "trap '[ -z \"$once\" ] || touch twice; once=1; echo got' USR1\n"
        let outcome = try run(Driver.shell(counting + script), directory: directory.path)
        #expect(outcome.end == .exited(4))
        #expect(outcome.output == "got\ngot\n")
    }

    @Test("an alarm set before it was started rings for the program", .requires(.command("perl")))
    func alarm() throws {
        let outcome = try run(
            ["perl", "-e", "alarm 2; exec @ARGV"] + Driver.shell("while :; do sleep 0.05; done"))
        #expect(outcome.end == .signalled(SIGALRM))
        #expect(outcome.errors.hasPrefix(Driver.empty))
    }

    @Test("ignored signals stay ignored, and masks and other dispositions are as without it")
    func dispositions() throws {
        let prefix = ["/bin/sh", "-c", "trap '' HUP CHLD USR2; exec \"$@\"", "sh"]
        let status = ["/bin/grep", "-E", "^Sig(Pnd|Blk|Ign|Cgt)", "/proc/self/status"]
        let without = try mustRun(prefix + status)
        let outcome = try run(prefix + [Driver.path, "--text"] + status)
        #expect(outcome.output == without)
        #expect(outcome.succeeded)
        // With SIGCHLD ignored, the kernel throws exit statuses away.
        #expect(try run(prefix + Driver.shell("exit 9")).end == .exited(9))
    }

    @Test("under nohup, a hang-up ends nothing")
    func nohup() throws {
        let flag = directory.file("flag")
        let script = "echo ready; while [ ! -e \(flag) ]; do sleep 0.01; done; exit 5"
        let program = try Background(
            ["/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh"] + Driver.shell(script))
        try program.waitUntilItPrints("ready")
        program.signal(SIGHUP)
        try directory.write("", to: "flag")
        #expect(program.wait().end == .exited(5))
    }

    @Test("killed with SIGKILL, it takes the program with it, and the next run cleans up")
    func killed() throws {
        let program = try Background(
            Driver.shell("echo $$ $MPTCPIZE_RING; while :; do sleep 0.01; done"))
        try program.waitUntilItPrints("\n")
        let words = program.output.split(whereSeparator: \.isWhitespace)
        let pid = try #require(words.first.flatMap { Int32($0) })
        let ring = try #require(words.last.map(String.init))
        #expect(access(ring, F_OK) == 0)
        program.signal(SIGKILL)
        #expect(program.wait().end == .signalled(SIGKILL))
        // Its new parent may never reap it.
        let ended = poll(within: .seconds(10)) {
            let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
            return stat?.contains(") Z ") ?? true
        }
        #expect(ended)
        try run(Driver.shell("true"))
        #expect(access(ring, F_OK) != 0)
    }

    @Test("closed standard streams stay closed, and nothing of ours is opened in their place")
    func closedStreams() throws {
        let script = "exec \"$@\" <&- >&- 2>&-"
        let check = """
            import os, sys
            sys.exit(40 + sum(1 << n for n in range(3) if os.path.exists(f"/proc/self/fd/{n}")))
            """
        let outcome = try run(
            [
                "/bin/sh", "-c", script, "sh", Driver.path, "-d", "--text", "/usr/bin/python3",
                "-c", check,
            ])
        #expect(outcome.end == .exited(40))
    }

    @Test("the program gets the descriptors that we got, and no other")
    func descriptors() throws {
        let list = ["/bin/sh", "-c", "ls /proc/$$/fd"]
        let prefix = ["/bin/sh", "-c", "exec 7<&0 9>&1; exec \"$@\"", "sh"]
        #expect(try run(prefix + [Driver.path, "--text"] + list).output == mustRun(prefix + list))
    }

    @Test(
        "the reader of its output sees the end when the program closes it, on old kernels too",
        arguments: [false, true])
    func endOfFile(isOld: Bool) throws {
        let flag = directory.file("flag")
        let script = "exec >&-; while [ ! -e \(flag) ]; do sleep 0.01; done"
        let prefix = try isOld ? [Fixtures.program("no_close_range")] : []
        let outcome = try run(
            ["/bin/sh", "-c", "\"$@\" | { cat; touch \(flag); }", "sh"] + prefix
                + Driver.shell(script))
        #expect(outcome.succeeded)
        #expect(outcome.errors.hasPrefix(Driver.empty), "\(outcome)")
    }

    @Test(
        "a program that cannot be started leaves nothing behind",
        arguments: [
            ("/nonexistent/program", 127, "No such file or directory"),
            ("/etc/passwd", 126, "Permission denied"), ("/tmp", 126, "Permission denied"),
        ])
    func cannotStart(program: String, status: Int32, reason: String) throws {
        let report = directory.file("report")
        let outcome = try run([Driver.path, "--text", "-o", report, program])
        #expect(outcome.end == .exited(status))
        #expect(outcome.errors.hasPrefix("mptcpize: \(program): "))
        #expect(outcome.errors.contains(reason))
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(access(report, F_OK) != 0)
    }

    @Test("a report that cannot be written is known before the program starts")
    func unwritable() throws {
        let flag = directory.file("flag")
        for path in ["/nonexistent/report", directory.path, "/proc/version/x"] {
            let outcome = try run(
                [Driver.path, "--text", "-o", path, "/bin/sh", "-c", "touch \(flag)"])
            #expect(outcome.end == .exited(125))
            #expect(outcome.errors.hasPrefix("mptcpize: \(path): cannot be written: "))
            #expect(outcome.errors.hasSuffix("; give another file to -o\n"))
        }
        #expect(access(flag, F_OK) != 0)
    }

    @Test("a report that turns out not to fit is said in one line, and the status stays")
    func full() throws {
        let outcome = try run(
            [Driver.path, "--text", "-o", "/dev/full", "/bin/sh", "-c", "exit 6"])
        #expect(outcome.end == .exited(6))
        #expect(
            outcome.errors
                == "mptcpize: /dev/full: the report cannot be written: No space left on device; "
                + "give another file to -o\n")
    }

    @Test("a report goes into its file, in place of what was there")
    func file() throws {
        let report = directory.file("report")
        try directory.write(String(repeating: "old ", count: 10_000), to: "target")
        symlink("target", report)
        let outcome = try run(
            ["/bin/sh", "-c", "umask 027; exec \"$@\"", "sh"]
                + Driver.shell("exit 2", options: ["--json", "-o", report]))
        #expect(outcome.errors == "")
        let data = try Data(contentsOf: URL(fileURLWithPath: directory.file("target")))
        let parsed = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        #expect((parsed?["exit"] as? [String: Int])?["code"] == 2)
        try run(Driver.shell(":", options: ["--text", "-o", directory.file("new")]))
        var status = stat()
        #expect(stat(directory.file("new"), &status) == 0)
        #expect(status.st_mode & 0o777 == 0o666 & ~umaskOfProcess())
    }

    @Test("no room for the ring is known before the program starts", .requires(.mounts))
    func noRoom() throws {
        // By a copy: the driver itself may lie in /tmp.
        let script = """
            mount -t tmpfs none /mnt; cp "$1" /mnt/driver; shift
            for place in /run /dev/shm /tmp; do mount -t tmpfs -o size=1m none $place; done
            unset XDG_RUNTIME_DIR
            exec /mnt/driver "$@"
            """
        let outcome = try run(
            ["unshare", "-m", "/bin/sh", "-c", script, "sh"] + Driver.shell("echo started"))
        #expect(outcome.end == .exited(125))
        #expect(outcome.output == "")
        #expect(
            outcome.errors.contains("event ring: cannot be made in /run/mptcpize (No space left"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }

    @Test("a limit on the size of files is the program's")
    func fileSizeLimit() throws {
        func limited(_ options: String) throws -> Outcome {
            try run(
                ["/bin/sh", "-c", "ulimit \(options) 8; exec \"$@\"", "sh"]
                    + Driver.shell("ulimit -S -f; exit 3"))
        }
        let soft = try limited("-S -f")
        #expect(soft.end == .exited(3), "\(soft)")
        #expect(soft.output == "8\n")
        // Nothing can be done about a hard one but to say it.
        let hard = try limited("-f")
        #expect(hard.end == .exited(125), "\(hard)")
        #expect(hard.errors.contains("(File too large)"))
    }

    @Test("a program in a deleted directory, with 5000 variables and strange arguments")
    func strange() throws {
        let gone = directory.file("gone")
        mkdir(gone, 0o700)
        var variables: [String: String?] = [:]
        for number in 0..<5000 { variables["VARIABLE_\(number)"] = "\(number)" }
        let outcome = try run(
            ["/bin/sh", "-c", "cd \(gone) && rmdir \(gone) && exec \"$@\"", "sh"]
                + Driver.shell(#"printf '%s|' "$@"; env | grep -c ^VARIABLE_"#)
                + ["sh", "a b", "c\nd", ""], environment: variables)
        #expect(outcome.output == "a b|c\nd||5000\n")
    }

    private func umaskOfProcess() -> mode_t {
        let mask = umask(0)
        umask(mask)
        return mask
    }
}
