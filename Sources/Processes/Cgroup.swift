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
    package var unit: String? { Self.unit(ofPath: path) }

    /// The last part of a path that has the name of a unit.
    package static func unit(ofPath path: String) -> String? {
        let kinds = [".service", ".scope", ".slice", ".socket", ".mount", ".swap"]
        return path.split(separator: "/").last { part in
            kinds.contains { part.hasSuffix($0) && part.count > $0.count }
        }.map(String.init)
    }
}
