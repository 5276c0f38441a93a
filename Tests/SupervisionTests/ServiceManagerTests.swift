import Foundation
import TestSupport
import Testing

/// What a service manager tells the process that it starts is for the program. (With a real one:
/// SupervisedServiceTests.)
@Suite("The supervisor under a service manager", .requires(.command("python3")))
struct ServiceManagerTests {
    private static let ask = """
        import os
        names = ["LISTEN_PID", "LISTEN_PIDFDID", "WATCHDOG_PID", "SYSTEMD_EXEC_PID", "MAINPID"]
        own = [os.getpid(), os.fstat(os.pidfd_open(os.getpid())).st_ino]
        for name in names:
            if name in os.environ:
                value = os.environ[name]
                print(name, "own" if value and int(value) in own else value)
        """

    /// Has python3 set variables by its own numbers, and become the supervisor of one that
    /// compares them with its own.
    private func variables(_ settings: String) throws -> String {
        let start = """
            import os, sys
            pid, pidfd = os.getpid(), os.fstat(os.pidfd_open(os.getpid())).st_ino
            os.environ.update({name: str(value) for name, value in dict(\(settings)).items()})
            os.execv(sys.argv[1], sys.argv[1:])
            """
        return try run(
            ["python3", "-c", start, Driver.path, "--text", "/usr/bin/python3", "-c", Self.ask]
        ).output
    }

    @Test("variables that name the supervisor name the program")
    func own() throws {
        let seen = try variables(
            "LISTEN_PID=pid, LISTEN_PIDFDID=pidfd, WATCHDOG_PID=pid, SYSTEMD_EXEC_PID=pid")
        #expect(
            seen == """
                LISTEN_PID own
                LISTEN_PIDFDID own
                WATCHDOG_PID own
                SYSTEMD_EXEC_PID own

                """)
    }

    @Test("those that name another process stay, as does what is no number")
    func others() throws {
        #expect(
            try variables("LISTEN_PID=1, LISTEN_PIDFDID=2, WATCHDOG_PID='', MAINPID=3")
                == "LISTEN_PID 1\nLISTEN_PIDFDID 2\nWATCHDOG_PID \nMAINPID 3\n")
    }

    @Test(
        "a socket that was activated reaches the program, with its name",
        .requires(.command("systemd-socket-activate")))
    func activated() throws {
        let directory = try TemporaryDirectory()
        let socket = directory.file("socket")
        let program = try Background([
            "systemd-socket-activate", "-l", socket, "--fdname=web", Driver.path,
            "--text", "/usr/bin/python3", "-c",
            """
            import os, socket
            assert os.environ["LISTEN_PID"] == str(os.getpid())
            print(os.environ["LISTEN_FDS"], os.environ["LISTEN_FDNAMES"],
                  socket.socket(fileno=3).getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
            """,
        ])
        try program.waitUntilItPrints("Listening on")
        try mustRun([
            "python3", "-c",
            "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])", socket,
        ])
        let outcome = program.wait()
        #expect(outcome.output == "1 web 1\n", "\(outcome)")
    }
}
