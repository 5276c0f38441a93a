import TestSupport
import Testing

@Suite("Copying files", .serialized, .requires(.namespaces), .requires(.mptcp))
struct CopyingTests {
    @Test("scp, up and down", .requires(.command("sshd", "scp")))
    func scp() throws {
        var conversation = SSH.conversation
        conversation.files["file"] = lines(100_000)
        let scp = (["scp", "-P", "2222"] + SSH.options).joined(separator: " ")
        conversation.client = [
            "sh", "-c",
            "\(scp) file root@%SERVER%:%DIR%/up && \(scp) root@%SERVER%:%DIR%/up down",
        ]
        conversation.produces = ["up", "down"]
        try expectSameOverMPTCP(conversation)
    }

    @Test("sftp", .requires(.command("sshd", "sftp")))
    func sftp() throws {
        var conversation = SSH.conversation
        conversation.files["file"] = lines(100_000)
        conversation.client = ["sftp", "-P", "2222"] + SSH.options + ["-b", "-", "root@%SERVER%"]
        conversation.clientInput = "cd %DIR%\nput file up\nget up down\nls -1 missing\n"
        conversation.produces = ["up", "down"]
        conversation.status = 1
        try expectSameOverMPTCP(conversation)
    }

    @Test("rsync, daemon and client", .requires(.command("rsync")))
    func rsync() throws {
        try expectSameOverMPTCP(
            Conversation(
                files: [
                    "rsyncd.conf": """
                    use chroot = yes
                    reverse lookup = no
                    [files]
                        path = %DIR%/files
                        uid = nobody
                        gid = nogroup
                    """,
                    "one": lines(100_000), "two": lines(1000),
                ],
                preparation: [["mkdir", "-m", "755", "files"], ["mv", "one", "two", "files"]],
                server: [
                    "rsync", "--daemon", "--no-detach", "--port=8730", "--config=rsyncd.conf",
                    "--log-file=/dev/stderr",
                ],
                port: 8730,
                client: [
                    "rsync", "--recursive", "--checksum", "--out-format=%n %l",
                    "rsync://%SERVER%:8730/files/", "copy",
                ],
                produces: ["copy"]))
    }

    @Test("git, daemon and clone", .requires(.command("git")))
    func git() throws {
        let git = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org", "-C", "source"]
        try expectSameOverMPTCP(
            Conversation(
                files: ["file": lines(100_000)],
                preparation: [
                    ["git", "init", "-q", "-b", "main", "source"], ["mv", "file", "source/file"],
                    git + ["add", "."], git + ["commit", "-q", "-m", "First"],
                    ["touch", "source/.git/git-daemon-export-ok"],
                ],
                server: [
                    "git", "daemon", "--reuseaddr", "--base-path=%DIR%", "--listen=%SERVER%",
                    "--log-destination=stderr",
                ],
                port: 9418,
                client: ["git", "clone", "-q", "git://%SERVER%/source", "copy"],
                produces: ["copy"]))
    }
}
