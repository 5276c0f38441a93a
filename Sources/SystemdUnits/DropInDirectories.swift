import Glibc
import LinuxSystem

/// The directories of drop-ins: those that are missing are made, counted in the drop-in, and go with
/// it. Root makes and opens none in a directory of somebody else's.
extension DropInStore {
    /// How many directories a drop-in that is written now says were made for it, from its own upwards.
    package func directoriesMade(for unit: UnitName) throws(Failure) -> Int {
        directoriesMade(for: unit, replacing: try installed(unit), missing().count)
    }

    /// The same, with what is there already, and how many above the unit's own were missing.
    func directoriesMade(
        for unit: UnitName, replacing previous: DropIn.Installed?, _ missing: Int
    ) -> Int {
        if let previous { return previous.directoriesMade }
        // The drop-in of the other kind stays in them: they go with the last.
        if let other = try? DropInStore(path, kind: kind.other).installed(unit) {
            return other.directoriesMade
        }
        return access("\(path)/\(unit.dropInDirectory)", F_OK) == 0 ? 0 : missing + 1
    }

    /// The directory and what is above it, as far as they do not exist.
    private func missing() -> [String] {
        var missing: [String] = []
        var present = path
        while access(present, F_OK) != 0, errno == ENOENT, let slash = present.lastIndex(of: "/") {
            missing.append(present)
            present = String(present[..<slash])
        }
        return missing
    }

    /// Makes the directory and what is missing above it; tells how many were.
    func makeMissing() throws(Failure) -> Int {
        let missing = missing()
        // Nor are directories made in one of somebody else's.
        if let parent = missing.last?.lastIndex(of: "/").map({ missing.last![..<$0] }) {
            try refuseForeign(parent.isEmpty ? "/" : String(parent))
        }
        for (made, directory) in missing.reversed().enumerated() {
            if mkdir(directory, 0o755) != 0, errno != EEXIST {
                let error = Errno.last
                if made > 0 { removeMade(made, from: missing[missing.count - made]) }
                throw unwritable(directory, error)
            }
        }
        return missing.count
    }

    /// Opens the directory; root, writing into one of somebody else's, could be led anywhere.
    func openOwn() throws(Failure) -> Descriptor {
        do {
            let base = try Descriptor.open(path, O_RDONLY | O_DIRECTORY)
            var status = stat()
            let number = base.number
            _ = try retrying { fstat(number, &status) }
            if status.st_uid == geteuid() { return base }
        } catch {
            throw unwritable(path, error)
        }
        throw foreign(path)
    }

    private func refuseForeign(_ directory: String) throws(Failure) {
        var status = stat()
        if stat(directory, &status) == 0, status.st_uid != geteuid() { throw foreign(directory) }
    }

    private func foreign(_ directory: String) -> Failure {
        Failure(
            .failed, directory, "belongs to somebody else",
            remedy: "run mptcpize as the owner of these units")
    }

    /// Removes directories that were made, upwards from this one, as far as they are empty.
    func removeMade(_ count: Int, from innermost: String? = nil) {
        var directory = innermost ?? path
        for _ in 0..<max(count, 0) {
            guard rmdir(directory) == 0, let slash = directory.lastIndex(of: "/") else { return }
            directory = String(directory[..<slash])
        }
    }
}
