import Glibc

/// A control group (version 2).
package struct Cgroup: Hashable, Sendable {
    /// What the kernel calls it: its directory's inode number, never given out again.
    package let id: UInt64
    /// Its directory.
    package let path: String
    /// Levels below the root of the hierarchy; nil when that is out of sight, in a
    /// cgroup namespace.
    package let depth: UInt32?

    /// The systemd unit that the cgroup belongs to; nil when its path names none.
    package var unit: String? { Self.unit(ofDirectory: path) }

    /// The unit that the cgroup of a directory belongs to.
    package static func unit(ofDirectory path: String) -> String? {
        let relative = CgroupUnit.path(ofDirectory: path)
        return relative == "/" ? "-.slice" : CgroupUnit.name(ofPath: relative)
    }
}
