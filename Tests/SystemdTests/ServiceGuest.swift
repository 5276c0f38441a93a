import Foundation
import TestSupport

/// A virtual machine with trixie's systemd and mptcpize below /usr/local: another kernel than
/// this machine's, where that matters.
struct ServiceGuest {
    private let payload: TemporaryDirectory

    init() throws {
        payload = try TemporaryDirectory()
        for part in ["bin", "lib"] {
            try mustRun(["cp", "-a", "\(Products.directory)/\(part)", payload.file(part)])
        }
        // talk.py PORT REQUEST: prints what an answer begins with, and whether the server
        // spoke MPTCP.
        try payload.write(
            """
            import socket, sys, time
            def counter():
                rows = [r.split() for r in open("/proc/net/netstat") if r.startswith("MPTcpExt")]
                return int(rows[1][rows[0].index("MPCapableACKRX")])
            before = counter()
            deadline = time.monotonic() + 120
            while True:
                client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
                try:
                    client.connect(("127.0.0.1", int(sys.argv[1])))
                    break
                except ConnectionRefusedError:
                    client.close()
                    if time.monotonic() > deadline: raise
                    time.sleep(0.01)
            client.sendall(sys.argv[2].encode().decode("unicode_escape").encode())
            print(client.recv(15).decode(), "mptcp" if counter() > before else "tcp")
            """, to: "talk.py")
    }

    /// The path of a file that the machine has in /t.
    func file(_ name: String) -> String { payload.file(name) }

    /// Boots it, and runs a script of the shell beside its systemd.
    ///
    /// - Parameters:
    ///   - kind: the kind of system, as get-root calls it.
    ///   - restarts: whether the script restarts the machine: it runs again then.
    func run(
        _ script: String, kernel: String, kind: String? = nil, parameters: String = "",
        restarts: Bool = false
    ) throws -> Outcome {
        try payload.write(
            "[ -e /usr/local/bin/mptcpize ] || cp -a /t/bin /t/lib /usr/local/\n" + script,
            to: "run.sh")
        return try Lab.boot(
            kernel: Lab.kernel(kernel), payload: payload.path, root: Lab.root("trixie", kind: kind),
            modules: ["tcp_diag", "mptcp_diag"], parameters: parameters, restarts: restarts)
    }
}
