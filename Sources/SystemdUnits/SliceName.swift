import Glibc
import LinuxSystem
import Processes

/// The name of a slice of systemd's: "machine.slice", "user-1000.slice", "-.slice".
///
/// Each dash is a level: user-1000.slice lies in user.slice (systemd.slice(5)).
package struct SliceName: Hashable, Sendable {
    /// With ".slice".
    package let description: String

    /// - Returns: nil for what systemd takes for no slice (slice_name_is_valid() of its
    ///   src/basic/unit-name.c).
    package init?(_ name: some StringProtocol) {
        guard name.hasSuffix(".slice"), !name.contains("/"), !name.contains("@") else {
            return nil
        }
        let stem = name.dropLast(".slice".count)
        guard stem == "-" || Self.isPath(stem) else { return nil }
        description = String(name)
    }

    private static func isPath(_ stem: some StringProtocol) -> Bool {
        !stem.isEmpty
            && stem.split(separator: "-", omittingEmptySubsequences: false)
                .allSatisfy { !$0.isEmpty }
    }

    /// Where systemd makes its cgroup, below its own root: "/user.slice/user-1000.slice"; empty
    /// for the root slice.
    package var path: String {
        let stem = description.dropLast(".slice".count)
        if stem == "-" { return "" }
        var result = ""
        for end in stem.indices.filter({ stem[$0] == "-" }) + [stem.endIndex] {
            result += "/\(stem[..<end]).slice"
        }
        return result
    }

    /// Makes its cgroup, as systemd would, where it is not there yet.
    ///
    /// - Returns: the cgroup's directory.
    package func makeCgroup() throws(Failure) -> String {
        var directory = try CgroupHierarchy().directory(ofPath: Self.root)
        for part in path.split(separator: "/") {
            directory += "/\(part)"
            guard mkdir(directory, 0o755) == 0 || errno == EEXIST else {
                throw Failure(.failed, directory, "cannot make a cgroup: \(Errno.last.reason)")
            }
        }
        return directory
    }

    /// The cgroup below which the system's systemd has its slices: the root, but in containers.
    private static var root: String {
        let line = (try? lines(ofFile: "/proc/1/cgroup"))?.first { $0.hasPrefix("0::/") }
        let path = line?.dropFirst(3) ?? ""
        let own = "/init.scope"
        return path.hasSuffix(own) ? String(path.dropLast(own.count)) : ""
    }
}
