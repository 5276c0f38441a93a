import CLinux
import Glibc
import LinuxSystem
import SocketEvents

/// A ring file: where it is, and the descriptor that holds its lock.
struct RingFile: ~Copyable {
    let path: String
    let descriptor: Descriptor
}

/// A directory for ring files, and how files are made in it.
package struct RingPlace: Sendable {
    package let directory: String
    /// Of ring files. 0666 only where the directory cannot be listed: programs that gave
    /// up root and then exec open the file by its secret name.
    let mode: mode_t
    let prefix: String
    /// Whether the directory is ours to make, and to remove when empty.
    let isOwn: Bool

    package init(directory: String, mode: mode_t, prefix: String, isOwn: Bool) {
        self.directory = directory
        self.mode = mode
        self.prefix = prefix
        self.isOwn = isOwn
    }

    /// Where this user's rings go, the best place first.
    package static func candidates() -> [RingPlace] {
        var places: [RingPlace] = []
        if geteuid() == 0 {
            places.append(
                RingPlace(directory: "/run/mptcpize", mode: 0o666, prefix: "ring-", isOwn: true))
        }
        var shared = ["/dev/shm"]
        if let runtime = getenv("XDG_RUNTIME_DIR").map({ String(cString: $0) }),
            runtime.hasPrefix("/")
        {
            shared.append(runtime)
        }
        shared.append("/tmp")
        return places
            + shared.map {
                RingPlace(directory: $0, mode: 0o600, prefix: "mptcpize-ring-", isOwn: false)
            }
    }

    /// A new file of the ring's size, all of it allocated (a page that cannot be had later
    /// would kill its writer with SIGBUS), locked.
    func create() throws(Errno) -> RingFile {
        // Another run may be removing the directory or looking at our file for a moment.
        let attempts = 16
        for _ in 0..<attempts {
            if isOwn { try makeDirectory() }
            let path = "\(directory)/\(prefix)\(try Self.randomName())"
            do throws(Errno) {
                let descriptor = try Descriptor.open(
                    path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
                try prepare(descriptor.number)
                return RingFile(path: path, descriptor: descriptor)
            } catch {
                remove(path)
                let isRace = error.rawValue == EWOULDBLOCK || (isOwn && error.rawValue == ENOENT)
                if !isRace { throw error }
            }
        }
        throw Errno(rawValue: EBUSY)
    }

    private func prepare(_ file: Int32) throws(Errno) {
        _ = try retrying { flock(file, LOCK_EX | LOCK_NB) }
        // A cleaner that had the lock before us has removed the file.
        guard let status = status(of: file), status.st_nlink > 0 else {
            throw Errno(rawValue: EWOULDBLOCK)
        }
        let error = Self.withoutSizeLimit {
            posix_fallocate(file, 0, off_t(mptcpize_ring_size()))
        }
        if error != 0 { throw Errno(rawValue: error) }
        if mode != 0o600 { _ = try retrying { fchmod(file, mode) } }
    }

    /// `ulimit -f` is for the program's files. Where it cannot be raised, EFBIG shall say so,
    /// and no signal end us.
    private static func withoutSizeLimit<Result>(_ call: () -> Result) -> Result {
        let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
        var limit = rlimit()
        getrlimit(resource, &limit)
        var raised = limit
        raised.rlim_cur = limit.rlim_max
        setrlimit(resource, &raised)
        let former = signal(SIGXFSZ, SIG_IGN)
        defer {
            signal(SIGXFSZ, former)
            setrlimit(resource, &limit)
        }
        return call()
    }

    /// Removes the files of readers that are dead.
    func removeStale() {
        guard !isOwn || isTrustworthy() else { return }
        for name in directoryEntries(directory)
        where name.hasPrefix(prefix) && name.utf8.count == prefix.utf8.count + 32 {
            removeIfStale("\(directory)/\(name)")
        }
    }

    /// Removes a file of ours, and the directory with the last one.
    func remove(_ path: String) {
        unlink(path)
        if isOwn { rmdir(directory) }
    }

    private func removeIfStale(_ path: String) {
        // O_NONBLOCK: a FIFO under such a name must not hold us up.
        guard
            let file = try? Descriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY),
            let status = status(of: file.number), status.st_mode & S_IFMT == S_IFREG,
            status.st_uid == geteuid(), flock(file.number, LOCK_EX | LOCK_NB) == 0
        else { return }
        unlink(path)
    }

    private func makeDirectory() throws(Errno) {
        do throws(Errno) {
            _ = try retrying { mkdir(directory, 0o700) }
        } catch {
            guard error.rawValue == EEXIST else { throw error }
            guard isTrustworthy() else { throw Errno(rawValue: EACCES) }
        }
        // Also one that another part of mptcpize made, for itself alone.
        _ = try retrying { chmod(directory, 0o711) }
    }

    /// A directory, not a link to one, that is ours and that nobody else can write to.
    private func isTrustworthy() -> Bool {
        var status = stat()
        return lstat(directory, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            && status.st_uid == geteuid() && status.st_mode & 0o022 == 0
    }

    private func status(of file: Int32) -> stat? {
        var status = stat()
        return fstat(file, &status) == 0 ? status : nil
    }

    /// 128 bits in hexadecimal.
    private static func randomName() throws(Errno) -> String {
        var words: (UInt64, UInt64) = (0, 0)
        let size = MemoryLayout.size(ofValue: words)
        let got = try retrying { getrandom(&words, size, 0) }
        guard got == size else { throw Errno(rawValue: EIO) }
        return allHexDigits(words.0) + allHexDigits(words.1)
    }
}
