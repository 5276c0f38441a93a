import Foundation
import TestSupport
import Testing

@testable import LinuxSystem

@Suite("Files that root acts by", .requires(.root))
struct TrustedFileTests {
    private let directory = try! TemporaryDirectory()

    private func path(_ name: String) -> String { "\(directory.path)/\(name)" }

    /// What comes of opening it: the content, or the refusal in words.
    private func opened(_ path: String) -> String {
        do throws(TrustedFile.Refusal) {
            let file = try TrustedFile.open(Bytes(path.utf8))
            return ((try? file.readAll(limit: 100)) ?? []).text
        } catch {
            switch error {
            case .error(let error): return error.name
            case .untrusted(let path, let reason): return "\(path.text) \(reason)"
            }
        }
    }

    private func write(_ name: String, mode: mode_t = 0o644, user: uid_t = 0, group: gid_t = 0)
        throws
    {
        try Data("content".utf8).write(to: URL(fileURLWithPath: path(name)))
        #expect(chown(path(name), user, group) == 0 && chmod(path(name), mode) == 0)
    }

    @Test("are opened where only root can have written or chosen them")
    func opens() throws {
        try write("own")
        #expect(opened(path("own")) == "content")
        #expect(opened(path("./own")) == "content")
        #expect(mkdir(path("sub"), 0o755) == 0)
        #expect(opened(path("sub/../own")) == "content")
        // By links of root's own, one that leads up and one from the root.
        #expect(symlink("../own", path("sub/up")) == 0)
        #expect(symlink(path("sub/up"), path("link")) == 0)
        #expect(opened(path("link")) == "content")
    }

    @Test("are refused where others could have written them")
    func writable() throws {
        try write("everybody", mode: 0o646)
        #expect(opened(path("everybody")) == "\(path("everybody")) can be written by everybody")
        try write("group", mode: 0o664, group: 12)
        #expect(opened(path("group")) == "\(path("group")) can be written by a group or by others")
        // As the mask of an access control list, these bits let others write.
        try write("roots", mode: 0o664)
        #expect(opened(path("roots")) == "\(path("roots")) can be written by a group or by others")
        try write("other", user: 65533)
        #expect(opened(path("other")) == "\(path("other")) belongs to the user 65533")
    }

    @Test("of users that a namespace has not are root's, those of its own nobody are not")
    func namespaces() {
        let nobody: uid_t = 65534
        #expect(TrustedFile.isMapped(nobody, by: ["         0          0 4294967295"]))
        #expect(TrustedFile.isMapped(nobody, by: ["0 100000 65536"]))
        #expect(TrustedFile.isMapped(nobody, by: ["0 1000 1", "60000 100000 6000"]))
        #expect(!TrustedFile.isMapped(nobody, by: ["0 1000 1"]))
        #expect(!TrustedFile.isMapped(nobody, by: ["0 1000 1", "1 100000 65533"]))
        #expect(TrustedFile.isMapped(nobody, by: ["nonsense"]))
    }

    @Test("are refused where others could have chosen which file it is")
    func chosen() throws {
        try write("own")
        #expect(mkdir(path("open"), 0o755) == 0 && chmod(path("open"), 0o777) == 0)
        #expect(symlink(path("own"), path("open/link")) == 0)
        #expect(opened(path("open/link")) == "\(path("open")) can be written by everybody")
        // As in /tmp, where others can have put a link, and root's own is safe.
        #expect(chmod(path("open"), 0o1777) == 0)
        #expect(opened(path("open/link")) == "content")
        #expect(lchown(path("open/link"), 65533, 65533) == 0)
        #expect(opened(path("open/link")) == "\(path("open/link")) belongs to the user 65533")
        #expect(mkdir(path("theirs"), 0o755) == 0)
        try write("theirs/file")
        #expect(chown(path("theirs"), 65533, 65533) == 0)
        #expect(opened(path("theirs/file")) == "\(path("theirs")) belongs to the user 65533")
    }

    @Test("are files")
    func others() throws {
        #expect(mkfifo(path("fifo"), 0o600) == 0)
        #expect(opened(path("fifo")) == "\(path("fifo")) is not a regular file")
        #expect(opened(directory.path) == "EISDIR")
        #expect(opened(path("missing")) == "ENOENT")
        #expect(symlink("loop", path("loop")) == 0)
        #expect(opened(path("loop")) == "ELOOP")
        try write("own")
        #expect(opened(path("own/x")) == "ENOTDIR")
    }
}
