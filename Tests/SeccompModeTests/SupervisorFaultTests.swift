import Foundation
import TestSupport
import Testing

/// Processes of the supervisor that die or are stopped: the program goes on.
@Suite("A supervisor by seccomp that fails", .requires(.mptcp), .requires(.command("python3")))
struct SupervisorFaultTests {
    enum Fault: CaseIterable {
        case workerKilled, workerStopped, guardKilled
    }

    /// A program that makes a socket for each line, with its supervisor's processes.
    private struct Tree {
        let front: Background
        let program, worker, warden: pid_t
        private let pipe: FileHandle

        init(_ directory: TemporaryDirectory) throws {
            let fifo = directory.file("lines")
            guard mkfifo(fifo, 0o600) == 0 else { throw POSIXError(.EIO) }
            let fixture = Repository.path("Tests/Fixtures/supervised.py")
            front = try Background(
                SeccompModeTests.run + [
                    "sh", "-c", "exec python3 \(fixture) turns <\(fifo)",
                ])
            pipe = FileHandle(forWritingAtPath: fifo)!
            try front.waitUntilItPrints("ready")
            warden = try #require(Self.child(of: front.pid))
            worker = try #require(Self.child(of: warden))
            program = try #require(Self.child(of: worker))
        }

        static func child(of pid: pid_t) -> pid_t? {
            let text = try? String(
                contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
            return text?.split(separator: " ").first.flatMap { pid_t($0) }
        }

        /// Has the program make a socket, and waits until it says what it is: MPTCP as all before.
        func makeSocket(_ count: Int, afterwards other: String = "") throws {
            try pipe.write(contentsOf: Data("\n".utf8))
            let lines = String(repeating: "262\n", count: count)
            try front.waitUntilItPrints("ready\n" + lines + other)
        }

        func end() throws { try pipe.close() }
    }

    @Test("the program's sockets go on being MPTCP", arguments: Fault.allCases)
    func faults(fault: Fault) throws {
        let directory = try TemporaryDirectory()
        let tree = try Tree(directory)
        try tree.makeSocket(1)
        switch fault {
        case .workerKilled: kill(tree.worker, SIGKILL)
        case .workerStopped: kill(tree.worker, SIGSTOP)
        case .guardKilled: kill(tree.warden, SIGKILL)
        }
        for count in 2...20 { try tree.makeSocket(count) }
        if fault == .workerStopped {
            kill(tree.worker, SIGCONT)
            for count in 21...40 { try tree.makeSocket(count) }
        }
        try tree.end()
        let outcome = tree.front.wait()
        #expect(outcome.succeeded, "\(outcome)")
        #expect(poll(within: .seconds(10)) { kill(tree.warden, 0) != 0 || isZombie(tree.warden) })
    }

    @Test("without guard and worker, sockets are TCP, and none fails")
    func bothKilled() throws {
        let tree = try Tree(try TemporaryDirectory())
        try tree.makeSocket(1)
        for pid in [tree.warden, tree.worker] { kill(pid, SIGKILL) }
        for count in 1...20 {
            try tree.makeSocket(1, afterwards: String(repeating: "6\n", count: count))
        }
        try tree.end()
        let outcome = tree.front.wait()
        #expect(outcome.succeeded, "\(outcome)")
    }

    /// One of its four processes, by how far it is below the first.
    enum Generation: Int, CaseIterable { case front, warden, worker, program }

    @Test(
        "whichever process is killed at whichever of its system calls, all of it ends",
        arguments: Generation.allCases, [false, true])
    func killedAnywhere(victim: Generation, recording: Bool) throws {
        let killer = try Fixtures.program("kill_at_stop", .staticGlibc)
        let program = try Fixtures.program("raw_socket", .staticGlibc)
        // The front's first thousand calls are those of any program that starts; where records are
        // made, each call is answered by many.
        let step = victim == .front ? 23 : recording ? 5 : 1
        let outcome = try run(
            [killer, "\(victim.rawValue)", "\(step)"] + SeccompModeTests.run
                + (recording ? ["--report"] : []) + [program], timeout: .seconds(300))
        let match = try #require(
            outcome.output.wholeMatch(of: #/killed (\d+) times:((?: \d+)+)\n/#), "\(outcome)")
        // Far fewer than there are would mean that nothing was tried.
        #expect(Int(match.1)! > 12, "\(outcome)")
        // It ran, or could not be started. It is killed only with the front, or by itself.
        let statuses = Set(match.2.split(separator: " "))
        let isGuarded = victim == .warden || victim == .worker
        #expect(
            statuses.isSubset(of: isGuarded ? ["0", "125"] : ["0", "125", "137"]), "\(outcome)")
        #expect(statuses.contains("0"), "\(outcome)")
    }

    @Test("a hostile program harms itself only")
    func hostile() throws {
        let program = try Fixtures.program("hostile_calls")
        let script = """
            import os, subprocess, sys
            def count():
                return len(os.listdir(f"/proc/{os.getppid()}/fd"))
            subprocess.run([sys.argv[1], "10"], stdout=subprocess.DEVNULL)
            before = count()
            subprocess.run([sys.argv[1], "3000"])
            # Four for each of the last 64 callers stay open.
            print(count() - before <= 256)
            """
        let outcome = try run(SeccompModeTests.run + ["python3", "-c", script, program])
        #expect(outcome.output == "262\nTrue\n", "\(outcome)")
    }

    @Test("kill -9 of mptcpize reaches the program")
    func frontKilled() throws {
        let tree = try Tree(try TemporaryDirectory())
        kill(tree.front.pid, SIGKILL)
        for pid in [tree.program, tree.worker, tree.warden] {
            #expect(poll(within: .seconds(10)) { kill(pid, 0) != 0 || isZombie(pid) })
        }
    }

    @Test("a daemon that outlives the program is served, and nothing is left behind it")
    func daemon() throws {
        let directory = try TemporaryDirectory()
        let program = try Fixtures.program("raw_socket", .staticGlibc)
        let (go, result) = (directory.file("go"), directory.file("result"))
        let script =
            "(until [ -e \(go) ]; do sleep 0.05; done; \(program) >\(result).new; "
            + "mv \(result).new \(result)) >/dev/null 2>&1 & echo $PPID; exit 3"
        let outcome = try run(SeccompModeTests.run + ["sh", "-c", script])
        #expect(outcome.status == 3, "\(outcome)")
        let worker = try #require(pid_t(outcome.output.dropLast()))
        #expect(kill(worker, 0) == 0)
        try directory.write("", to: "go")
        #expect(poll(within: .seconds(20)) { access(result, R_OK) == 0 })
        #expect(try String(contentsOfFile: result, encoding: .utf8).hasPrefix("262 "))
        #expect(poll(within: .seconds(10)) { kill(worker, 0) != 0 || isZombie(worker) })
    }

    private func isZombie(_ pid: pid_t) -> Bool {
        let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        return status?.contains("State:\tZ") ?? true
    }
}
