import Foundation
import TestSupport
import Testing

/// Programs under a supervisor by seccomp: what they see of it, and what reaches them.
@Suite("The mode seccomp", .requires(.mptcp), .requires(.command("python3")))
struct SeccompModeTests {
    static let run = [Products.mptcpize, "run", "--mode", "seccomp"]

    private func supervised(_ what: String, mode: Bool = true) throws -> Outcome {
        let command = ["python3", Repository.path("Tests/Fixtures/supervised.py"), what]
        return try TestSupport.run((mode ? Self.run : []) + command)
    }

    @Test(
        "reaches programs of every kind",
        arguments: [
            Fixtures.Flavour.glibc, .musl, .staticGlibc, .staticMusl, .i386, .addressSanitizer,
        ])
    func kinds(flavour: Fixtures.Flavour) throws {
        guard Requirement.flavour(flavour).isMet() else { return }
        let program = try Fixtures.program("raw_socket", flavour)
        let found = "262 uid \(getuid()) euid \(geteuid())\n"
        for command in [[program], ["env", "-i", program], ["sh", "-c", "\(program) & wait"]] {
            let outcome = try TestSupport.run(Self.run + command)
            #expect(outcome.succeeded && outcome.output == found, "\(command): \(outcome)")
        }
    }

    @Test("reaches somebody who is not root, and leaves a set-uid program alone", .requires(.root))
    func notRoot() throws {
        let directory = try TemporaryDirectory()
        chmod(directory.path, 0o755)
        let (mptcpize, program) = (directory.file("mptcpize"), directory.file("program"))
        try FileManager.default.copyItem(atPath: Products.wholeCommand, toPath: mptcpize)
        try FileManager.default.copyItem(
            atPath: try Fixtures.program("raw_socket", .staticGlibc), toPath: program)
        let somebody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", mptcpize]
        func start() throws -> Outcome {
            try TestSupport.run(somebody + ["run", "--mode", "seccomp", program])
        }
        #expect(try start().output == "262 uid 65534 euid 65534\n")
        chmod(program, 0o4755)
        let outcome = try start()
        #expect(outcome.output == "6 uid 65534 euid 0\n", "\(outcome)")
        #expect(outcome.errors.contains("(set-uid)"), "\(outcome)")
        #expect(outcome.errors.contains("`mptcpize run --mode bpf` reaches it"), "\(outcome)")
    }

    @Test(
        "a program that root has started and that becomes another user owns its sockets",
        .requires(.root), .requires(.namespaces))
    func owner() throws {
        let script = """
            import os, socket
            os.setresuid(65534, 65534, 65534)
            one = socket.socket()
            print(one.getsockopt(1, 38), os.fstat(one.fileno()).st_uid)
            """
        let outcome = try TestSupport.run(Self.run + ["python3", "-c", script])
        #expect(outcome.output == "262 65534\n", "\(outcome)")
    }

    @Test(
        "is refused to a proxy that waits for edges which this kernel loses, as the BPF mode is",
        .requires(.command("nginx")))
    func lostEdges() throws {
        let outcomes = try ["seccomp", "bpf"].map {
            try TestSupport.run([Products.mptcpize, "run", "--mode", $0, "nginx", "-v"])
        }
        let areLost = outcomes[1].errors.contains("relies on edge-triggered events")
        #expect(outcomes[0].errors.contains("seccomp mode: ") == areLost, "\(outcomes)")
        #expect(outcomes[0].status == (areLost ? 125 : 0))
        #expect(outcomes[0].errors.contains("mends it: mptcpize run\n") == areLost)
    }

    @Test("gives sockets the numbers, flags and limits that they would have had")
    func numbers() throws {
        let plain = try supervised("numbers", mode: false)
        let outcome = try supervised("numbers")
        #expect(plain.succeeded && outcome.output == plain.output, "\(outcome)")
    }

    @Test("serves threads and 200 processes, and keeps no descriptor")
    func many() throws {
        let script = """
            import os, subprocess, sys
            def count():
                worker = os.getppid()
                guard = int(open(f"/proc/{worker}/stat").read().rsplit(")", 1)[1].split()[1])
                return [len(os.listdir(f"/proc/{pid}/fd")) for pid in (worker, guard)]
            before = count()
            subprocess.run(["python3", sys.argv[1], "many"])
            # Four for each of the last 64 callers stay open.
            print([two - one <= 256 for one, two in zip(before, count())])
            """
        let fixture = Repository.path("Tests/Fixtures/supervised.py")
        let outcome = try TestSupport.run(Self.run + ["python3", "-c", script, fixture])
        #expect(outcome.output == "0\n[True, True]\n", "\(outcome)")
    }

    @Test("makes no MPTCP sockets for a program that has confined itself so that it could not")
    func confined() throws {
        #expect(try supervised("harmless").output == "262\n")
        #expect(try supervised("forbids").output == "6\n")
        let landlocked = try Fixtures.program("landlocked")
        let outcome = try TestSupport.run(Self.run + [landlocked])
        #expect(
            outcome.output == "none\n"
                || outcome.output.split(separator: "\n").last?.hasPrefix("6") == true,
            "\(outcome)")
    }

    @Test("follows a program into another network namespace", .requires(.namespaces))
    func namespaces() throws {
        let program = try Fixtures.program("raw_socket", .staticGlibc)
        let outcome = try TestSupport.run(
            Self.run + [
                "unshare", "--net", "sh", "-c",
                "\(program); echo 0 >/proc/sys/net/mptcp/enabled; \(program)",
            ])
        let protocols = outcome.output.split(separator: "\n").map { $0.prefix { $0 != " " } }
        #expect(protocols == ["262", "6"], "\(outcome)")
    }

    private static let unprivileged = [
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
    ]
    private static let newNamespaces = ["unshare", "--user", "--map-root-user", "--net"]
    private static let userNamespaces = Requirement("user namespaces of whoever is not root") {
        (try? TestSupport.run(unprivileged + newNamespaces + ["true"]))?.succeeded ?? false
    }

    @Test(
        "follows somebody who is not root into user and network namespaces", .requires(.root),
        .requires(Self.userNamespaces))
    func unprivilegedNamespaces() throws {
        let directory = try TemporaryDirectory()
        chmod(directory.path, 0o755)
        let (mptcpize, program) = (directory.file("mptcpize"), directory.file("program"))
        try mustRun(["cp", Products.wholeCommand, mptcpize])
        try mustRun(["cp", try Fixtures.program("raw_socket", .staticGlibc), program])
        let outcome = try TestSupport.run(
            Self.unprivileged + [mptcpize, "run", "--mode", "seccomp"] + Self.newNamespaces
                + [program])
        #expect(outcome.output == "262 uid 0 euid 0\n", "\(outcome)")
    }

    @Test("mends options as the preload library does, but for what LIMITS names")
    func options() throws {
        let program = try Fixtures.program("socket_remedies")
        let plain = try TestSupport.run([program]).output.split(separator: "\n")
        let outcome = try TestSupport.run(Self.run + [program])
        let found = outcome.output.split(separator: "\n")
        #expect(outcome.succeeded && plain.count == found.count, "\(outcome)")
        let different = zip(plain, found).filter { $0 != $1 }.map(\.1)
        let known = ["corked, then uncorked: 800 bytes, at once, NODELAY 1"]
        #expect(
            different.allSatisfy {
                known.contains(String($0)) || $0.hasPrefix("protocol of")
            }, "\(different)")
    }

    @Test("mends the options of a connection that fell back, of which MPTCP hands on only some")
    func fallenBack() throws {
        let script = """
            import socket
            listener, client = socket.socket(), socket.socket()
            listener.setsockopt(6, 27, 1)  # TCP_SAVE_SYN makes it TCP
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            client.connect(listener.getsockname())
            client.setsockopt(0, 34, 1)   # IP_MULTICAST_LOOP
            client.setsockopt(0, 2, 3)    # IP_TTL
            print(listener.getsockopt(1, 38), client.getsockopt(1, 38), client.getsockopt(0, 2))
            """
        let outcome = try TestSupport.run(Self.run + ["python3", "-c", script])
        #expect(outcome.output == "6 262 3\n", "\(outcome)")
    }

    @Test("ends as the program ends", arguments: [("exit 7", 7), ("kill -KILL $$", nil)])
    func end(script: String, status: Int32?) throws {
        let outcome = try TestSupport.run(Self.run + ["sh", "-c", script])
        #expect(outcome.status == status, "\(outcome)")
        if status == nil { #expect(outcome.end == .signalled(SIGKILL), "\(outcome)") }
    }

    @Test("says in one line what cannot be")
    func failures() throws {
        let nested = try TestSupport.run(Self.run + Self.run + ["true"])
        #expect(nested.status == 125, "\(nested)")
        #expect(nested.errors.hasPrefix("mptcpize: seccomp: the program already has a supervisor"))
        #expect(nested.errors.count { $0 == "\n" } == 1)
        let program = try TestSupport.run(Self.run + ["/nowhere/at/all"])
        #expect(program.status == 127, "\(program)")
    }

    @Test("is refused where /proc is that of other processes", .requires(.mounts))
    func otherProcesses() throws {
        let inside = ["unshare", "--pid", "--fork", "--mount"]
        let refused = try TestSupport.run(inside + Self.run + ["true"])
        #expect(refused.status == 125, "\(refused)")
        #expect(refused.errors.contains("/proc: is not that of this PID namespace"), "\(refused)")
        let program = try Fixtures.program("raw_socket", .staticGlibc)
        let mounted = try TestSupport.run(inside + ["--mount-proc"] + Self.run + [program])
        #expect(mounted.output == "262 uid \(getuid()) euid \(getuid())\n", "\(mounted)")
    }

    /// As an older kernel does, and the profile of a container.
    @Test(
        "says in one line that there can be no filter",
        arguments: [
            (ENOSYS, "use Linux 5.9 or newer"), (EINVAL, "use Linux 5.9 or newer"),
            (EPERM, "a filter is refused here (EPERM)"),
        ])
    func refused(error: Int32, words: String) throws {
        let script = """
            import ctypes, os, struct, sys
            steps = [(0x20, 0, 0, 0), (0x15, 0, 1, int(sys.argv[1])), (6, 0, 0, 0x50000 + int(sys.argv[2])),
                     (6, 0, 0, 0x7FFF0000)]
            code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
            libc = ctypes.CDLL(None)
            libc.prctl(38, 1, 0, 0, 0)
            libc.prctl(22, 2, struct.pack("HxxxxxxP", 4, ctypes.addressof(code)), 0, 0)
            os.execv(sys.argv[3], sys.argv[3:])
            """
        let outcome = try TestSupport.run(
            ["python3", "-c", script, "\(Self.seccompNumber)", "\(error)"] + Self.run + ["true"])
        #expect(outcome.status == 125, "\(outcome)")
        #expect(outcome.errors.contains(words), "\(outcome)")
        #expect(outcome.errors.count { $0 == "\n" } == 1, "\(outcome)")
    }

    #if arch(arm64)
        private static let seccompNumber = 277
    #else
        private static let seccompNumber = 317
    #endif

    @Test("tells the truth in its report, and holds to rules")
    func report() throws {
        let directory = try TemporaryDirectory()
        func results(_ options: String...) throws -> [Report.Socket] {
            let file = directory.file("report")
            let command = ["python3", Repository.path("Tests/Fixtures/supervised.py"), "serve"]
            let outcome = try TestSupport.run(
                Self.run + ["--json", "-o", file] + options + command)
            #expect(outcome.succeeded, "\(outcome)")
            return try Report(file: file).sockets
        }
        func wires(_ sockets: [Report.Socket]) -> [String] {
            sockets.map { "\($0.role) \($0.wire)" }.sorted()
        }
        let sockets = try results()
        #expect(wires(sockets) == ["accept mptcp", "connect mptcp", "listen listening"])
        #expect(sockets.first { $0.role == "connect" }?.bytesSent == 1000)
        let ruled = try results("--policy", "none", "--rule", "tcp connect loopback *")
        #expect(wires(ruled) == ["accept tcp", "connect tcp", "listen listening"])
        #expect(ruled.first { $0.role == "connect" }?.policy != nil)
    }
}
