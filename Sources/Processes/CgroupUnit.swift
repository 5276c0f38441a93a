/// The systemd unit that a control group belongs to, by its path below the root of the hierarchy:
/// cg_path_get_unit() of systemd's src/basic/cgroup-util.c.
///
/// A system in a container has its own units of the same names further down. These do not count.
/// Units of a user's systemd, below user@UID.service, do.
package enum CgroupUnit {
    /// The unit: the first part that is no slice, of the user's systemd where there is one; else
    /// the innermost slice. Nil where systemd has no part in it.
    package static func name(ofPath path: some StringProtocol) -> String? {
        chain(ofPath: path).last
    }

    /// The control group of that unit: the path as far as there. Nil where systemd has no part in it.
    /// Users' units may have the names of the system's; their control groups differ.
    package static func group(ofPath path: some StringProtocol) -> String? {
        let count = chain(ofPath: path).count
        return count == 0
            ? nil : "/" + path.split(separator: "/").prefix(count).joined(separator: "/")
    }

    /// A cgroup's directory as a path below the root of the hierarchy, which is "/".
    package static func path(ofDirectory directory: String) -> String {
        var result = directory[...]
        for mount in ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
        where directory == mount || directory.hasPrefix(mount + "/") {
            result = directory.dropFirst(mount.count)
            break
        }
        while result.hasSuffix("/") { result.removeLast() }
        return result.hasPrefix("/") ? String(result) : "/" + result
    }

    /// Whether a control group is a unit's, or lies below it.
    package static func path(_ path: some StringProtocol, isOf unit: String) -> Bool {
        unit == "-.slice" || chain(ofPath: path).contains(unit)
    }

    /// The slices on the way, and the unit in them.
    private static func chain(ofPath path: some StringProtocol) -> [String] {
        var parts = path.split(separator: "/").map { unescaped(String($0)) }[...]
        var result: [String] = []
        while true {
            while let part = parts.first, part.hasSuffix(".slice"), isUnit(part) {
                result.append(part)
                parts.removeFirst()
            }
            guard let unit = parts.popFirst(), isUnit(unit) else { return result }
            result.append(unit)
            // The user's systemd is in there, with its own slices.
            guard unit.hasPrefix("user@"), unit.hasSuffix(".service") else { return result }
        }
    }

    /// systemd puts "_" before names that the kernel's own files could have (cg_escape).
    private static func unescaped(_ part: String) -> String {
        part.hasPrefix("_") ? String(part.dropFirst()) : part
    }

    private static func isUnit(_ part: String) -> Bool {
        let kinds = [".service", ".scope", ".slice", ".socket", ".mount", ".swap"]
        return kinds.contains { part.hasSuffix($0) && part.count > $0.count }
    }
}
