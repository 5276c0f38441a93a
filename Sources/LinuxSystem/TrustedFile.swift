import CLinux
import Glibc

/// A file that root trusts: nobody but root may have written it, or have chosen which file it is.
package enum TrustedFile {
    /// Why a file is not to be acted by.
    package enum Refusal: Error, Equatable {
        case error(Errno)
        /// What others control, by its path, and how.
        case untrusted(Bytes, String)
    }

    /// As many as path_resolution(7) follows.
    private static let greatestNumberOfLinks = 40

    /// Opens a regular file for reading. Goes down from the root by open directories, so that
    /// what was looked at is what is opened. Links are followed, if only root can have made them.
    ///
    /// - Parameter path: absolute.
    package static func open(_ path: Bytes) throws(Refusal) -> Descriptor {
        var directory = try opened(nil, Bytes("/".utf8), O_DIRECTORY)
        try check(directory, Bytes("/".utf8))
        var seen = Bytes()
        var rest = components(path)
        var links = 0
        while let name = rest.popFirst() {
            let entry = try opened(directory.number, name, O_NOFOLLOW)
            let place = seen + "/".utf8 + name
            let mode = try check(entry, place)
            if mode & S_IFMT == S_IFLNK {
                links += 1
                guard links <= greatestNumberOfLinks else { throw .error(Errno(rawValue: ELOOP)) }
                let target = try target(of: entry)
                rest = (components(target) + rest)[...]
                guard target.first == UInt8(ascii: "/") else { continue }
                directory = try opened(nil, Bytes("/".utf8), O_DIRECTORY)
                seen = []
            } else if mode & S_IFMT == S_IFDIR {
                directory = entry
                seen = place
            } else {
                guard rest.isEmpty else { throw .error(Errno(rawValue: ENOTDIR)) }
                return try reopened(entry, mode, place)
            }
        }
        throw .error(Errno(rawValue: EISDIR))
    }

    private static func components(_ path: Bytes) -> ArraySlice<Bytes> {
        path.split(separator: UInt8(ascii: "/")).map { Bytes($0) }
            .filter { $0 != [UInt8(ascii: ".")] }[...]
    }

    private static func opened(
        _ directory: Int32?, _ name: Bytes, _ flags: Int32
    ) throws(Refusal) -> Descriptor {
        do {
            let path = name.cString
            return Descriptor(
                owning: try retrying {
                    openat(directory ?? AT_FDCWD, path, clinux_o_path | O_CLOEXEC | flags)
                })
        } catch {
            throw .error(error)
        }
    }

    /// The mode of what is open, where only root can change it.
    @discardableResult
    private static func check(
        _ entry: borrowing Descriptor, _ path: Bytes
    ) throws(Refusal) -> mode_t {
        var status = stat()
        guard fstat(entry.number, &status) == 0 else { throw .error(Errno.last) }
        guard isRoot(status.st_uid) else {
            throw .untrusted(path, "belongs to the user \(status.st_uid)")
        }
        let mode = status.st_mode
        let kind = mode & S_IFMT
        // A link has no mode of its own. In a directory such as /tmp, others leave root's entries
        // alone.
        let isSticky = kind == S_IFDIR && mode & S_ISVTX != 0
        if kind == S_IFLNK || isSticky { return mode }
        if mode & S_IWOTH != 0 { throw .untrusted(path, "can be written by everybody") }
        // The bits of the group are the mask of an access control list too (acl(5)), whoever the
        // group is.
        if mode & S_IWGRP != 0 { throw .untrusted(path, "can be written by a group or by others") }
        return mode
    }

    /// Root, or what a user namespace shows of the users that it has not, the host's root among
    /// them: nobody in there can write what is theirs.
    private static func isRoot(_ user: uid_t) -> Bool {
        if user == 0 { return true }
        guard let overflow = try? lines(ofFile: "/proc/sys/kernel/overflowuid").first,
            uid_t(overflow) == user,
            let map = try? lines(ofFile: "/proc/self/uid_map")
        else { return false }
        return !isMapped(user, by: map)
    }

    /// Whether a user namespace has a user of this number itself.
    ///
    /// - Parameter map: the lines of its uid_map: first number inside, first outside, how many.
    static func isMapped(_ user: uid_t, by map: [String]) -> Bool {
        map.contains { line in
            let numbers = line.split(separator: " ").compactMap { UInt64($0) }
            guard numbers.count == 3 else { return true }
            return UInt64(user) >= numbers[0] && UInt64(user) - numbers[0] < numbers[2]
        }
    }

    private static func target(of link: borrowing Descriptor) throws(Refusal) -> Bytes {
        var buffer = Bytes(repeating: 0, count: Int(PATH_MAX))
        let number = link.number
        let length = buffer.withUnsafeMutableBytes {
            readlinkat(number, "", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        guard length >= 0 else { throw .error(Errno.last) }
        return Bytes(buffer[..<length])
    }

    private static func reopened(
        _ entry: borrowing Descriptor, _ mode: mode_t, _ path: Bytes
    ) throws(Refusal) -> Descriptor {
        guard mode & S_IFMT == S_IFREG else { throw .untrusted(path, "is not a regular file") }
        do {
            return try Descriptor.open("/proc/self/fd/\(entry.number)", O_RDONLY | O_NOCTTY)
        } catch {
            throw .error(error)
        }
    }
}
