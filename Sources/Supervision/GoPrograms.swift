import CLinux
import Glibc
import Launch
import LinuxSystem
import SocketRecords

/// Programs that the library does not reach, but GODEBUG does.
struct GoPrograms {
    private var known: [Bytes: Bool] = [:]
    /// Whoever writes the ring chooses what is opened here: not too many, and regular files only.
    private static let most = 64

    mutating func reaches(_ program: UnreachedProgram) -> Bool {
        guard program.reason == .staticallyLinked, program.path.first == UInt8(ascii: "/") else {
            return false
        }
        if let answer = known[program.path] { return answer }
        guard known.count < Self.most else { return false }
        let answer = Self.asksForMultipath(program.path)
        known[program.path] = answer
        return answer
    }

    private static func asksForMultipath(_ path: Bytes) -> Bool {
        // Opened without effect first: a device may do something when it is opened.
        var status = stat()
        guard let place = try? Descriptor.open(path, clinux_o_path),
            fstat(place.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            let file = try? HostSystem().open(Bytes("/proc/self/fd/\(place.number)".utf8))
        else { return false }
        return ELFImage(file)?.goVersion?.knowsMultipath ?? false
    }
}
