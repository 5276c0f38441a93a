import Foundation
import TestSupport

/// A virtual machine with trixie's systemd and mptcpize below /usr/local: another kernel than
/// this machine's, where that matters.
struct ServiceGuest {
    private let payload: TemporaryDirectory

    /// The modules that container engines need for their file systems and networks.
    private static let engines =
        ["overlay", "veth", "bridge", "tun", "fuse", "loop"]
        + [
            "chain_nat", "masq", "ct", "fib_inet", "fib_ipv4", "compat", "reject_inet", "limit",
            "log", "nat",
        ].map { "nft_" + $0 }
        + ["comment", "mark", "MASQUERADE", "conntrack", "addrtype"].map { "xt_" + $0 }

    /// Where it has mptcpize's folders, as words of a shell.
    static let tree = Products.folders.map { "/t/\($0)" }.joined(separator: " ")

    init() throws {
        payload = try TemporaryDirectory()
        for part in Products.folders {
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

    /// Brings libbpf, with the libraries that it needs but libc, to /t/libraries; and those of
    /// programs, which go to /t.
    func bringLibBPF(programs: [String] = []) throws {
        try FileManager.default.createDirectory(
            atPath: file("libraries"), withIntermediateDirectories: false)
        let listing = try mustRun(["ldd", Requirement.libbpf] + programs)
        for line in listing.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count > 2, !words[0].hasPrefix("libc.") {
                try mustRun(["cp", "-L", String(words[2]), file("libraries")])
            }
        }
        try mustRun(["cp", "-L", Requirement.libbpf, file("libraries")])
        for program in programs { try mustRun(["cp", "-L", program, file("")]) }
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
            "[ -e /usr/local/bin/mptcpize ] || cp -a \(Self.tree) /usr/local/\n" + script,
            to: "run.sh")
        return try Lab.boot(
            kernel: Lab.kernel(kernel), payload: payload.path, root: Lab.root("trixie", kind: kind),
            modules: ["tcp_diag", "mptcp_diag", "nf_tables", "nft_socket"]
                + (kind == "containers" ? Self.engines : []),
            parameters: parameters, restarts: restarts,
            memory: kind == "containers" ? 1536 : nil)
    }
}
