/// A server with keys of its own, that nothing of the machine's own configuration reaches.
enum SSH {
    static let options =
        ["-F", "none", "-q", "-i", "%DIR%/key"]
        + [
            "BatchMode=yes", "IdentitiesOnly=yes", "UserKnownHostsFile=%DIR%/known_hosts",
            "GlobalKnownHostsFile=none", "StrictHostKeyChecking=yes",
        ].flatMap { ["-o", $0] }

    /// All but the client.
    static let conversation = Conversation(
        files: [
            "sshd_config": """
            Port 2222
            HostKey %DIR%/host_key
            PidFile none
            UsePAM no
            StrictModes no
            PasswordAuthentication no
            AuthorizedKeysFile %DIR%/key.pub
            Subsystem sftp /usr/lib/openssh/sftp-server

            """
        ],
        preparation: [
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "host_key"],
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key"],
            ["sh", "-c", "echo \"[%SERVER%]:2222 $(cat host_key.pub)\" >known_hosts"],
        ],
        server: ["/usr/sbin/sshd", "-D", "-e", "-f", "%DIR%/sshd_config"],
        // The system's init would make the directory that sshd wants to be there.
        serverPrefix: [
            "unshare", "--mount", "sh", "-c",
            "mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec \"$@\"", "sh",
        ],
        port: 2222, client: [])
}
