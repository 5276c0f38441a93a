import CLinux
import Glibc
import LinuxSystem

/// The file of `--output`. It is replaced by a rename, so a reader finds the old text or the new
/// one.
package struct MetricsFile {
    private let path: String
    private let directory: String
    private let name: String

    package init(_ path: String) throws(Failure) {
        self.path = path
        let bytes = Bytes(path.utf8)
        directory = (bytes.directory ?? Bytes(".".utf8)).text
        name = bytes.lastPathComponent.text
        if name.isEmpty || name == "." || name == ".." {
            throw Failure(
                .usage, path, "is not the name of a file", remedy: "give a file, such as mptcp.prom"
            )
        }
    }

    /// Everybody may read it then: node_exporter runs as a user of its own. A link of its name is
    /// replaced, not followed.
    package func write(_ text: [UInt8]) throws(Failure) {
        do throws(Errno) {
            let folder = try Descriptor.open(directory, O_RDONLY | O_DIRECTORY)
            try refuseDevices(folder)
            let staged = ".mptcpize-\(String(UInt64.random(in: 0 ... .max), radix: 16))"
            do throws(Errno) {
                try folder.writePrivately(staged, text)
                try folder.rename(staged, to: folder, as: name)
            } catch {
                try? folder.unlink(staged)
                throw error
            }
        } catch {
            throw Failure(.failed, path, error.reasonInSentence, remedy: remedy(error))
        }
    }

    /// A rename would take /dev/stdout away from everybody.
    private func refuseDevices(_ folder: borrowing Descriptor) throws(Errno) {
        var status = stat()
        let number = folder.number
        let place = linkTarget("/proc/self/fd/\(number)") ?? ""
        if place == "/dev" || place.hasPrefix("/proc/") { throw Errno(rawValue: ENODEV) }
        guard fstatat(number, name, &status, 0) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR { throw Errno(rawValue: EISDIR) }
        if status.st_mode & S_IFMT != S_IFREG { throw Errno(rawValue: ENODEV) }
    }

    private func remedy(_ error: Errno) -> String {
        switch error.rawValue {
        case ENOENT: "create the directory \(directory) first"
        case ENODEV, EISDIR: "give a regular file, or leave --output out for standard output"
        case EACCES, EPERM: "run it as a user who may write into \(directory)"
        case ENOSPC, EDQUOT: "make room on its file system"
        default: ""
        }
    }
}

extension Descriptor {
    /// Writes a new file in this directory that nobody else reads before it is whole.
    fileprivate func writePrivately(_ name: String, _ text: [UInt8]) throws(Errno) {
        let folder = number
        let file = Descriptor(
            owning: try retrying {
                openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            })
        let number = file.number
        try writeAll(text, to: number)
        _ = try retrying { fchmod(number, 0o644) }
    }
}
