import Glibc

/// Files in an open directory, opened by their names in it: nobody can replace a part of the path by
/// a link meanwhile, and no link is followed.
extension Descriptor {
    /// Opens a directory in this one; nil where there is none.
    ///
    /// - Throws: ELOOP or ENOTDIR where the name is a link or a file.
    package func directory(_ name: String) throws(Errno) -> Descriptor? {
        try opened(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    }

    /// The text of a file; nil where there is none. Longer than 1 MiB: EFBIG.
    package func contents(_ name: String) throws(Errno) -> String? {
        guard let file = try opened(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) else { return nil }
        return String(decoding: try file.readAll(limit: 1 << 20), as: UTF8.self)
    }

    /// All bytes from where the file stands.
    package func readAll(limit: Int) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = try retrying { read(number, &buffer, buffer.count) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            if bytes.count > limit { throw Errno(rawValue: EFBIG) }
        }
    }

    /// Writes a new file, down to the disk unless it may get lost in a power failure.
    package func writeFile(
        _ name: String, _ text: String, mode: mode_t = 0o644, isDurable: Bool = true
    ) throws(Errno) {
        guard let file = try opened(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
        else { throw Errno(rawValue: ENOENT) }
        try writeAll(Array(text.utf8), to: file.number)
        // Whatever the umask is.
        _ = try retrying { fchmod(file.number, mode) }
        if isDurable { try file.synchronize() }
    }

    /// Makes a directory, mode 0755.
    package func makeDirectory(_ name: String) throws(Errno) {
        _ = try retrying { mkdirat(number, name, 0o755) }
        // Whatever the umask is.
        _ = try retrying { fchmodat(number, name, 0o755, 0) }
    }

    /// Moves an entry of this directory to another one, over what has that name there.
    package func rename(
        _ name: String, to other: borrowing Descriptor, as newName: String
    ) throws(Errno) {
        let target = other.number
        _ = try retrying { renameat(number, name, target, newName) }
    }

    /// Removes a file, if it is there.
    package func unlink(_ name: String) throws(Errno) {
        if unlinkat(number, name, 0) != 0, errno != ENOENT { throw Errno.last }
    }

    /// Removes a directory with all that is in it, if it is there.
    package func removeTree(_ name: String) throws(Errno) {
        guard let directory = try directory(name) else { return }
        for entry in try directory.entries() {
            if unlinkat(directory.number, entry, 0) == 0 { continue }
            guard errno == EISDIR else { throw Errno.last }
            try directory.removeTree(entry)
        }
        if unlinkat(number, name, AT_REMOVEDIR) != 0 { throw Errno.last }
    }

    /// The names in this directory, without "." and "..".
    package func entries() throws(Errno) -> [String] {
        // The stream closes its descriptor; this one stays open.
        let own = try retrying { openat(number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard let stream = fdopendir(own) else {
            let error = Errno.last
            close(own)
            throw error
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Waits until what was written is on the disk.
    package func synchronize() throws(Errno) { _ = try retrying { fsync(number) } }

    private func opened(
        _ name: String, _ flags: Int32, mode: mode_t = 0
    ) throws(Errno) -> Descriptor? {
        let result = openat(number, name, flags | O_CLOEXEC, mode)
        if result >= 0 { return Descriptor(owning: result) }
        if errno == ENOENT { return nil }
        throw Errno.last
    }
}
