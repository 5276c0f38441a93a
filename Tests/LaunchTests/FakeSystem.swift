import Foundation
import LinuxSystem

@testable import Launch

/// A machine made up of a few files, so that tests need no set-uid programs, no root
/// and no foreign loaders.
struct FakeSystem: LaunchSystem {
    struct File {
        var content: Bytes = []
        var mode: mode_t = S_IFREG | 0o755
        var user: uid_t = 0
        var group: gid_t = 0
        var isReadable = true
        var capabilities: Bytes?
        var link: String?
        /// What stat fails with instead of finding it.
        var error: Int32?
    }

    var files: [String: File] = [:]
    var user: uid_t = 1000
    var group: gid_t = 1000
    var noNewPrivileges = false
    var nosuid = false

    init(_ files: [String: File]) { self.files = files }

    /// Programs' contents by path.
    init(contents: [String: Bytes]) { files = contents.mapValues { File(content: $0) } }

    private func file(_ path: Bytes) throws(Errno) -> File {
        guard let file = files[path.text] else { throw Errno(rawValue: ENOENT) }
        if let error = file.error { throw Errno(rawValue: error) }
        return try file.link.map { (link) throws(Errno) in try self.file(Bytes(link.utf8)) } ?? file
    }

    func status(of path: Bytes) throws(Errno) -> FileStatus {
        let file = try file(path)
        return FileStatus(mode: file.mode, user: file.user, group: file.group)
    }

    func checkExecutable(_ path: Bytes) throws(Errno) {
        if try file(path).mode & 0o111 == 0 { throw Errno(rawValue: EACCES) }
    }

    func open(_ path: Bytes) throws(Errno) -> any ByteSource {
        let file = try file(path)
        guard file.isReadable else { throw Errno(rawValue: EACCES) }
        return MemorySource(file.content)
    }

    func extendedAttribute(_ name: String, of path: Bytes) -> Bytes? {
        name == "security.capability" ? try? file(path).capabilities : nil
    }

    func isOnNosuidMount(_ path: Bytes) -> Bool { nosuid }

    func realPath(of path: Bytes) -> Bytes? {
        guard let file = files[path.text] else { return nil }
        return file.link.map { Bytes($0.utf8) } ?? path
    }
}

final class MemorySource: ByteSource {
    let bytes: Bytes

    init(_ bytes: Bytes) { self.bytes = bytes }

    func read(at offset: UInt64, count: Int) -> Bytes {
        guard offset < UInt64(bytes.count) else { return [] }
        return Bytes(bytes[Int(offset)...].prefix(count))
    }
}

extension Bytes {
    init(_ text: String) { self.init(text.utf8) }

    /// The content of a real file.
    init(contentsOf path: String) throws {
        self.init(try Data(contentsOf: URL(fileURLWithPath: path)))
    }
}
