import Foundation
import TestSupport
import Testing

@Suite(
    "mptcpize sockets --watch", .requires(.namespaces), .requires(.mptcp),
    .requires(.command("python3")))
struct WatchTests {
    /// Runs a command on a terminal of 24 × 100, resizes it, ends it by Ctrl-C, and prints
    /// what it wrote and its exit status.
    private static let terminal = """
        import fcntl, os, pty, select, struct, sys, termios, time
        def resize(rows, columns):
            fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        def read(marker, times):
            global seen
            end = time.monotonic() + 20
            while seen.count(marker) < times and time.monotonic() < end:
                if select.select([fd], [], [], 0.1)[0]:
                    try: seen += os.read(fd, 65536)
                    except OSError: return
        pid, fd = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm"
            time.sleep(0.1)
            os.execv(sys.argv[1], sys.argv[1:])
        seen = b""
        resize(24, 100)
        read(b"\\x1b[H", 3)
        first = len(seen)
        resize(4, 40)
        read(b"\\x1b[H", seen.count(b"\\x1b[H") + 2)
        os.write(fd, b"\\x03")
        read(b"\\x1b[?1049l", 1)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sys.stdout.buffer.write(seen)
        print("\\nsize-changed-at", first, "status", status)
        """

    @Test("it redraws in place with rates, follows the window's size, and leaves it clean")
    func terminal() throws {
        let namespace = try Namespace("watch")
        let holder = try SocketHolder.start(
            """
            l = listening(s(), 4555, "127.0.0.1"); k = []
            for _ in range(10): k += [connected(s(), "127.0.0.1", 4555), l.accept()[0]]
            import threading
            def talk():
                while True: k[0].sendall(b"x" * 1000); k[1].recv(100000); time.sleep(0.01)
            threading.Thread(target=talk, daemon=True).start()
            """, in: namespace)
        let outcome = try run(
            ["python3", "-c", Self.terminal, Products.mptcpize, "sockets", "--watch", "0.2"],
            in: namespace)
        let text = outcome.output
        #expect(text.hasSuffix("status 0\n"), "\(text.suffix(200))")
        let screens = text.components(separatedBy: "\u{1B}[H")
        #expect(screens[0].contains("\u{1B}[?1049h"), "the alternate screen")
        #expect(text.contains("\u{1B}[?25h\u{1B}[?1049l"), "cursor and screen come back")
        #expect(text.contains("SENT/S"))
        #expect(text.contains(" kB"), "a rate")
        let last = try #require(screens.last)
        let lines = last.components(separatedBy: "\r\n")
        #expect(lines.count <= 4, "as many as the window has: \(last)")
        #expect(last.contains("more lines"))
        withExtendedLifetime(holder) {}
    }

    @Test("into a pipe, with --json: a document a line, until nobody reads any more")
    func documents() throws {
        let namespace = try Namespace("watch")
        let output = try mustRun(
            ["sh", "-c", "\"$0\" sockets --watch 0.1 --json | head -n 3", Products.mptcpize],
            in: namespace)
        let lines = output.split(separator: "\n")
        #expect(lines.count == 3)
        for line in lines {
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
        }
    }
}
