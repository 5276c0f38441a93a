import Foundation
import TestSupport
import Testing

@Suite(
    "What check remembers of runs", .requires(.namespaces), .requires(.mptcp),
    .requires(.command("python3", "setpriv")))
struct RememberedTests {
    private let namespace = try! Namespace("remembered")
    private let directory = try! TemporaryDirectory()
    private let python = Environment.find("python3") ?? "python3"

    /// Corks one of the two ends of a connection over loopback, and has the other one made TCP.
    private let program = """
        import socket
        l = socket.create_server(("127.0.0.1", 0))
        c = socket.create_connection(l.getsockname()); a = l.accept()[0]
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        c.sendall(b"x"); a.recv(1)
        socket.socket().setsockopt(socket.SOL_SOCKET, 47, 1000000)  # SO_MAX_PACING_RATE
        """

    private func mptcpize(
        _ arguments: [String], state: String?, home: String? = nil, as user: Int? = nil
    ) throws -> Outcome {
        let prefix =
            user.map { ["setpriv", "--reuid=\($0)", "--regid=\($0)", "--clear-groups", "--"] } ?? []
        // Where nobody can read them, whatever the checkout's rights are.
        let (tool, library) = (directory.file("mptcpize"), directory.file("libmptcpize.so"))
        if !FileManager.default.fileExists(atPath: tool) {
            try mustRun(["cp", Products.wholeCommand, tool])
            try mustRun(["cp", Products.library(), library])
            try mustRun(["chmod", "755", directory.path])
        }
        return try run(
            prefix + [tool] + arguments,
            environment: [
                "XDG_STATE_HOME": state, "HOME": home ?? directory.path,
                "MPTCPIZE_LIBRARY": library,
            ], in: namespace)
    }

    @Test(
        "options that met a remedy, with the results and the date", arguments: ["--report", "-d"])
    func options(option: String) throws {
        let state = directory.file("state")
        #expect(
            try mptcpize(["check", python], state: state).output.contains("options") == false)
        for _ in 0..<2 {
            let ran = try mptcpize(["run", option, python, "-c", program], state: state)
            #expect(ran.succeeded, "\(ran)")
        }
        let checked = try mptcpize(["check", python], state: state).output
        #expect(
            checked.contains("TCP_CORK adjusted (2 sockets), SO_MAX_PACING_RATE made it TCP (2 s"),
            "\(checked)")
        let reports = /reports +2, the last of \d{4}-\d\d-\d\d \d\d:\d\d: 4 over MPTCP, 2 lis/
        #expect(checked.contains(reports), "\(checked)")
        let kept = try FileManager.default.contentsOfDirectory(atPath: state + "/mptcpize")
        let text = try String(contentsOfFile: "\(state)/mptcpize/\(kept[0])", encoding: .utf8)
        #expect(!text.contains("127.0.0.1") && !text.contains("import"), "\(text)")
    }

    @Test("each user's are in his home, unless XDG_STATE_HOME says otherwise")
    func homes() throws {
        let home = directory.file("home")
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: false)
        try mustRun(["chown", "65534", home])
        let nobody = 65534
        for state in [nil, "not/absolute"] {
            let ran = try mptcpize(
                ["run", "--report", python, "-c", program], state: state, home: home, as: nobody)
            #expect(ran.succeeded, "\(ran)")
        }
        let checked = try mptcpize(["check", python], state: nil, home: home, as: nobody)
        #expect(checked.output.contains(/reports +2, the last of/), "\(checked)")
        let folder = home + "/.local/state/mptcpize"
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 1)
    }

    @Test("a place where nothing can be written changes nothing of a run")
    func unwritable() throws {
        let file = try directory.write("", to: "file")
        for state in [file, "/proc/nothing", "/dev/null"] {
            let ran = try mptcpize(
                ["run", "--report", python, "-c", program + "\nraise SystemExit(7)"], state: state)
            #expect(ran.status == 7)
            #expect(!ran.errors.contains(state), "\(ran)")
            #expect(ran.errors.contains("asked for TCP"))
        }
    }
}
