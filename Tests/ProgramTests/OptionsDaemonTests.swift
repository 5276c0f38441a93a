import TestSupport
import Testing

@Suite("Daemons with options", .serialized, .requires(.namespaces), .requires(.mptcp))
struct OptionsDaemonTests {
    /// vsftpd sets SO_OOBINLINE on each connection, and confines itself with seccomp.
    @Test("vsftpd: log in, passive and active mode", .requires(.command("vsftpd", "curl")))
    func vsftpd() throws {
        try expectOptionsMended(
            Conversation(
                files: [
                    "vsftpd.conf": """
                    listen=YES
                    background=NO
                    listen_port=2121
                    anonymous_enable=YES
                    nopriv_user=nobody
                    secure_chroot_dir=%DIR%/empty
                    anon_root=%DIR%/files
                    write_enable=YES
                    anon_upload_enable=YES
                    xferlog_enable=NO
                    pasv_enable=YES
                    port_enable=YES
                    connect_from_port_20=YES
                    local_umask=022

                    """
                ],
                preparation: [
                    ["mkdir", "-m", "755", "empty", "files"],
                    ["install", "-d", "-m", "777", "files/in"],
                    [
                        "sh", "-c",
                        "head -c 20000000 /dev/urandom >files/big && chmod 644 files/big",
                    ],
                ],
                server: ["vsftpd", "%DIR%/vsftpd.conf"], port: 2121,
                client: [
                    "sh", "-c",
                    """
                    for mode in --ftp-pasv --disable-epsv --ftp-port=- '--ftp-port=- --disable-eprt'
                    do
                        set -- $(echo "$mode" | tr = ' ')
                        curl -sS "$@" -o copy ftp://%SERVER%:2121/big && cmp copy files/big && \
                        curl -sS "$@" -T vsftpd.conf "ftp://%SERVER%:2121/in/$#$1" && \
                        curl -sS "$@" ftp://%SERVER%:2121/ -l && echo "$mode"
                    done
                    rm files/in/*
                    curl -sS ftp://%SERVER%:2121/missing
                    """,
                ],
                status: 78),
            OptionsExpectation(server: ["SO_OOBINLINE ignore"]))
    }

    @Test(
        "iperf3 with options", .requires(.command("iperf3")),
        arguments: [
            ["--tos", "16"], ["--dscp", "AF21"], ["--set-mss", "1000"],
            ["--congestion", "reno"], ["--zerocopy"], ["--window", "16K"], ["--no-delay"],
            ["--version6", "--dscp", "EF"],
        ])
    func iperf3(options: [String]) throws {
        let server = options.contains("--version6") ? "%SERVER6%" : "%SERVER%"
        // Linux before 6.17 lets MPTCP set no maximum segment size, and the socket is replaced.
        let demoted = options.contains("--set-mss")
        let (_, mended) = try expectOptionsMended(
            Conversation(
                server: ["iperf3", "--server", "--one-off"], port: 5201, serverEnds: true,
                client: ["iperf3", "--client", server, "--bytes", "4M"]
                    + options.filter { $0 != "--version6" },
                normalise: withoutMeasurements),
            OptionsExpectation(wire: nil))
        let sockets = mended.client.report?.sockets("connect") ?? []
        #expect(sockets.count == 2)
        #expect(
            sockets.allSatisfy {
                $0.wire == "mptcp"
                    || demoted && $0.remedies.contains { $0.option == "TCP_MAXSEG" }
            }, "\(mended.client)")
    }

    @Test("redis with keep-alive", .requires(.command("redis-server", "redis-cli")))
    func redis() throws {
        try expectOptionsMended(
            Conversation(
                server: [
                    "redis-server", "--bind", "%SERVER%", "--protected-mode", "no", "--save", "",
                    "--dir", "%DIR%", "--loglevel", "warning", "--tcp-keepalive", "15",
                    "--tcp-backlog", "20",
                ],
                port: 6379,
                // redis-cli sets TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT by itself.
                client: ["redis-cli", "-h", "%SERVER%"],
                clientInput: "CONFIG GET tcp-keepalive\nSET a 1\nINCR a\n"))
    }

    @Test("mosquitto, subscriber and publisher", .requires(.command("mosquitto", "mosquitto_pub")))
    func mosquitto() throws {
        try expectOptionsMended(
            Conversation(
                files: [
                    "mosquitto.conf": """
                    listener 1883
                    allow_anonymous true
                    set_tcp_nodelay true
                    user nobody

                    """,
                    "payload": lines(20_000),
                ],
                server: ["mosquitto", "-c", "%DIR%/mosquitto.conf"], port: 1883,
                client: [
                    "sh", "-c",
                    """
                    mosquitto_pub -h %SERVER% -q 2 -r -t kept -f payload &&
                    mosquitto_sub -h %SERVER% -q 2 -k 5 -W 20 -C 1 -N -t kept | cmp - payload &&
                    mosquitto_rr -h %SERVER% -W 20 -N -e kept -t other -m x | cmp - payload &&
                    mosquitto_pub -h %SERVER% -q 1 -t other -l -d <<'END' | grep -c PUBACK
                    one
                    two
                    END
                    """,
                ]))
    }

    @Test(
        "openssh over IPv6 with IPQoS", .requires(.command("sshd", "ssh")),
        arguments: ["af21 cs1", "ef le", "none"])
    func openSSH(quality: String) throws {
        var conversation = SSH.conversation
        conversation.files["sshd_config"]! += "IPQoS \(quality)\nTCPKeepAlive yes\n"
        conversation.preparation.append(
            ["sh", "-c", "echo \"[%SERVER6%]:2222 $(cat host_key.pub)\" >>known_hosts"])
        conversation.client =
            ["ssh"] + SSH.options + [
                "-6", "-o", "IPQoS=\(quality)", "-p", "2222", "root@%SERVER6%", "wc -c; exit 7",
            ]
        conversation.clientInput = lines(20_000)
        conversation.status = 7
        let marked: Set = quality == "none" ? [] : ["IPV6_TCLASS ignore"]
        try expectOptionsMended(conversation, OptionsExpectation(client: marked, server: marked))
    }

    @Test("dropbear and dbclient", .requires(.command("dropbear", "dropbearkey", "dbclient")))
    func dropbear() throws {
        let key = ["dropbearkey", "-t", "ed25519", "-f"]
        try expectOptionsMended(
            Conversation(
                preparation: [
                    key + ["host_key"], key + ["key"], ["mkdir", "-m", "700", ".ssh"],
                    ["sh", "-c", "dropbearkey -y -f key | grep ^ssh- >.ssh/authorized_keys"],
                    ["chmod", "600", ".ssh/authorized_keys"],
                    ["sh", "-c", "sed 's,^\\(root:.*\\):/root:,\\1:%DIR%:,' /etc/passwd >passwd"],
                ],
                server: [
                    "dropbear", "-F", "-E", "-s", "-r", "host_key", "-P", "pid", "-p", "2223",
                ],
                // It looks for authorized keys in root's home only.
                serverPrefix: [
                    "unshare", "--mount", "sh", "-c",
                    "mount --bind passwd /etc/passwd && exec \"$@\"", "sh",
                ],
                port: 2223,
                client: [
                    "dbclient", "-y", "-y", "-i", "key", "-p", "2223", "root@%SERVER6%",
                    "wc -c; echo oops >&2; exit 7",
                ],
                clientInput: lines(20_000), status: 7,
                // The way of asking for the host's key has its process number in it.
                normalise: { $0.replacing(/Host '[^\n]*\n[^\n]*\n/, with: "") }))
    }
}
