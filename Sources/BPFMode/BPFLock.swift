import Glibc
import LinuxSystem

/// The right to change what is pinned, for one command at a time. It ends with this value, also if
/// the process is killed.
struct BPFLock: ~Copyable {
    private let file: Descriptor

    /// Waits until no other command has it. The file is root's alone, so that nobody
    /// else can make root wait.
    init() throws(Failure) {
        let directory = "/run/mptcpize"
        let path = "\(directory)/bpf.lock"
        guard mkdir(directory, 0o711) == 0 || errno == EEXIST else {
            throw Failure(.failed, directory, Errno.last.reason)
        }
        do throws(Errno) {
            file = try Self.locked(path)
        } catch {
            throw Failure(.failed, path, error.reason)
        }
    }

    private static func locked(_ path: String) throws(Errno) -> Descriptor {
        let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        let number = file.number
        _ = try retrying { flock(number, LOCK_EX) }
        return file
    }
}
