import TestSupport
import Testing

/// What the report of a supervised program tells.
@Suite(
    "Reports of the mode seccomp", .requires(.mptcp), .requires(.command("python3")))
struct SupervisedReportTests {
    private func report(of command: [String], options: [String] = []) throws -> Report {
        let directory = try TemporaryDirectory()
        let file = directory.file("report")
        let outcome = try TestSupport.run(
            SeccompModeTests.run + ["--json", "-o", file] + options + command)
        #expect(outcome.succeeded, "\(outcome)")
        return try Report(file: file)
    }

    private static let script = """
        import socket
        one, two = socket.socket(), socket.socket()
        one.setsockopt(1, 10, 1)       # SO_OOBINLINE: ignored
        one.getsockopt(1, 10)          # and answered
        one.setsockopt(1, 8, 4096)     # SO_RCVBUF: adjusted
        try:
            one.setsockopt(6, 31, b"tls")  # TCP_ULP: refused
        except OSError:
            pass
        two.setsockopt(6, 18, 1000)    # TCP_USER_TIMEOUT: becomes TCP
        """

    @Test("count what the supervisor did")
    func counts() throws {
        let counts = try #require(try report(of: ["python3", "-c", Self.script]).supervisor)
        #expect(counts.socketsMptcp == 2 && counts.socketsTcp == 0, "\(counts)")
        #expect(counts.socketsReplaced == 1, "\(counts)")
        #expect(counts.optionsIgnored == 1 && counts.optionsAdjusted == 1, "\(counts)")
        #expect(counts.optionsRefused == 1 && counts.optionsAnswered == 1, "\(counts)")
        #expect(counts.calls >= 7, "\(counts)")
        let outcome = try TestSupport.run(
            SeccompModeTests.run + ["--report", "python3", "-c", Self.script])
        #expect(
            outcome.errors.contains(
                " times: 2 sockets made MPTCP, 1 socket replaced by TCP, 1 option ignored, "
                    + "1 option adjusted, 1 option refused, 1 option answered.\n"), "\(outcome)")
    }

    @Test("count the sockets that stay TCP", .requires(.namespaces))
    func leftTCP() throws {
        let off =
            "echo 0 >/proc/sys/net/mptcp/enabled; exec python3 -c 'import socket as s; s.socket()'"
        let counts = try report(of: ["unshare", "--net", "sh", "-c", off]).supervisor
        #expect(
            counts?.socketsMptcp == 0 && counts?.socketsTcp == 1, "\(String(describing: counts))")
    }

    @Test("tell of no supervisor in other modes")
    func otherModes() throws {
        let outcome = try TestSupport.run([
            Products.mptcpize, "run", "--json", "-o", "/dev/stdout", "true",
        ])
        #expect(outcome.output.contains("\"supervisor\": null"), "\(outcome)")
    }

    /// Its socket is not one that asked for TCP: only what it accepts is listed.
    @Test(
        "call no socket accepted that a program connected as MPTCP itself",
        .requires(.command("go")))
    func ownConnect() throws {
        let report = try report(of: [try Fixtures.go("dialer", Self.dialer)])
        let found = report.sockets.map { "\($0.role) \($0.wire)" }.sorted()
        #expect(found == ["accept mptcp", "listen listening"], "\(report.sockets)")
    }

    private static let dialer = """
        package main

        import (
        	"io"
        	"net"
        	"syscall"
        )

        func must(err error) {
        	if err != nil {
        		panic(err)
        	}
        }

        func main() {
        	listener, err := net.Listen("tcp4", "127.0.0.1:0")
        	must(err)
        	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 262)
        	must(err)
        	port := listener.Addr().(*net.TCPAddr).Port
        	must(syscall.Connect(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}))
        	server, err := listener.Accept()
        	must(err)
        	_, err = syscall.Write(fd, []byte("hello"))
        	must(err)
        	must(syscall.Shutdown(fd, syscall.SHUT_WR))
        	_, err = io.ReadAll(server)
        	must(err)
        	must(syscall.Close(fd))
        	must(server.Close())
        	must(listener.Close())
        }
        """
}
