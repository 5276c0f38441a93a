import CLinux
import Glibc
import Launch
import LinuxSystem

/// A program's own option for MPTCP, which needs no mptcpize.
struct NativeOption {
    /// How it is switched on.
    let usage: String
    /// What the program's file contains when this build of it has the option: versions are
    /// no proof, distributions build and patch as they like.
    private let marker: String
    private let programs: [String]

    private init(_ programs: [String], marker: String, _ usage: String) {
        self.programs = programs
        self.marker = marker
        self.usage = usage
    }

    // From which release on, where upstream says so. A program has many names where it has parts.
    private static let all = [
        // nginx 1.29.7, freenginx 1.27.6, Angie 1.10.
        NativeOption(
            ["nginx", "freenginx", "angie"], marker: "multipath",
            "`listen … multipath;` in its configuration"),
        // Apache httpd 2.5.1.
        NativeOption(
            ["httpd", "apache2"], marker: "multipathtcp",
            "`Listen 80 options=multipathtcp` and `ProxyPass … multipathtcp=On`"),
        // Apache Traffic Server 9.2.4.
        NativeOption(
            ["traffic_server"], marker: "mptcp",
            "`mptcp` behind the port in `proxy.config.http.server_ports`"),
        // Envoy 1.21.
        NativeOption(
            ["envoy"], marker: "enable_mptcp", "`enable_mptcp: true` in a listener"),
        // lighttpd 1.4.76.
        NativeOption(
            ["lighttpd"], marker: "server.network-mptcp",
            "`server.feature-flags += ( \"server.network-mptcp\" => \"enable\" )`"),
        // haproxy 3.1.
        NativeOption(
            ["haproxy"], marker: "mptcp", "`bind mptcp@ADDRESS:PORT` and `server NAME mptcp@…`"),
        // Valkey 9.0.
        NativeOption(
            ["valkey-server"], marker: "repl-mptcp",
            "`mptcp yes` in its configuration, `repl-mptcp yes` for replication"),
        NativeOption(
            ["valkey-cli", "valkey-benchmark"], marker: "--mptcp", "`--mptcp`"),
        // QEMU 6.1: SocketAddress of its interfaces, migration above all.
        NativeOption(
            qemu, marker: "mptcp", "`tcp:ADDRESS:PORT,mptcp=on` for migration, NBD and chardevs"),
        // HPN-SSH, and the University of Louvain's OpenSSH.
        NativeOption(
            ["hpnssh", "hpnsshd", "hpnsshd-session", "ssh", "sshd"], marker: "usemptcp",
            "`UseMPTCP yes`, on client and server"),
        // curl 8.9.
        NativeOption(["curl"], marker: "mptcp", "`curl --mptcp`"),
        // iperf3 3.19.
        NativeOption(["iperf3"], marker: "mptcp", "`iperf3 --mptcp`, on client and server"),
        NativeOption(["xfr"], marker: "mptcp", "`xfr --mptcp`, on client and server"),
        // shadowsocks-libev 3.3.6, shadowsocks-rust 1.16.
        NativeOption(
            [
                "ss-local", "ss-redir", "ss-tunnel", "ss-server", "ss-manager", "sslocal",
                "ssserver", "ssmanager", "ssservice",
            ], marker: "mptcp", "`--mptcp`, or `\"mptcp\": true` in its configuration"),
        // shadowsocks-go 1.9.
        NativeOption(
            ["shadowsocks-go"], marker: "multipathTCP",
            "`\"multipath\": true` of a listener, `\"multipathTCP\": true` of a client"),
        // sing-box 1.4.
        NativeOption(
            ["sing-box"], marker: "tcp_multi_path",
            "`\"tcp_multi_path\": true` of an inbound or outbound"),
        NativeOption(["xray"], marker: "tcpMptcp", "`\"tcpMptcp\": true` in `sockopt`"),
        // v2ray-core 5.17.
        NativeOption(["v2ray"], marker: "mptcp", "`\"mptcp\": true` in `sockopt`"),
        // dae 0.8.
        NativeOption(["dae"], marker: "mptcp", "`mptcp: true` in `global`"),
    ]

    private static let qemu =
        [
            "aarch64", "arm", "i386", "loongarch64", "mips", "mips64", "ppc", "ppc64", "riscv32",
            "riscv64", "s390x", "sparc64", "x86_64",
        ].map { "qemu-system-\($0)" } + ["qemu-kvm", "qemu-nbd", "kvm"]

    /// The option of a program; nil for one that has none, or not in this build.
    static func of(_ program: ProgramFile) -> NativeOption? {
        let name = program.path.lastPathComponent.text
        guard let option = all.first(where: { $0.programs.contains(name) }) else { return nil }
        return contains(option.marker, program.path) ? option : nil
    }

    private static func contains(_ marker: String, _ path: Bytes) -> Bool {
        guard let source = try? HostSystem().open(path) else { return false }
        let wanted = Bytes(marker.utf8)
        let chunk = 1 << 20
        var offset: UInt64 = 0
        while true {
            let bytes = source.read(at: offset, count: chunk)
            let isFound = clinux_contains(bytes, bytes.count, wanted, wanted.count)
            if isFound { return true }
            guard bytes.count == chunk else { return false }
            // It may lie across two chunks.
            offset += UInt64(chunk - wanted.count)
        }
    }
}
