import Glibc
import LinuxSystem

/// What decides a loaded unit's environment: what systemd shows, and the files that systemd reads it
/// from.
extension LoadedUnit {
    /// What decides its environment, mptcpize's own drop-ins left out.
    ///
    /// - Throws: `Failure` for a file that systemd reads and this process cannot.
    package func environment(of manager: ServiceManager) throws(Failure) -> UnitEnvironment {
        var files: [UnitEnvironment.Source] = []
        let fragment = properties["FragmentPath"]
        if !fragment.isEmpty, let bytes = try Self.bytes(of: fragment) {
            files.append(.init(path: fragment, bytes: bytes))
        }
        for path in properties.words("DropInPaths") where !Self.isOwn(path) {
            guard let bytes = try Self.bytes(of: path) else { continue }
            files.append(
                .init(path: path, bytes: bytes, isLater: DropIn.isAppliedBefore(path)))
        }
        let passes = properties.words("PassEnvironment")
        let own = manager.scope == .system && !passes.isEmpty ? InitEnvironment.variables() : [:]
        return UnitEnvironment(
            files: files, environmentFiles: try environmentFiles(files),
            manager: try manager.environment(), passed: own.filter { passes.contains($0.key) },
            shown: propertiesWithoutDropIn.map {
                .init(
                    settings: $0.assignments("Environment"),
                    unsets: $0.words("UnsetEnvironment"))
            })
    }

    /// What systemd says of it; nil where mptcpize's drop-in is part of that, or the files have
    /// changed since.
    package var propertiesWithoutDropIn: UnitProperties? {
        let hasOwn = properties.words("DropInPaths").contains(where: Self.isOwn)
        return hasOwn || properties.isTrue("NeedDaemonReload") ? nil : properties
    }

    /// What makes its settings: another list than before means that other files were read.
    package var sources: [String] {
        [properties["FragmentPath"]] + properties.words("DropInPaths").filter { !Self.isOwn($0) }
            + properties.all("EnvironmentFiles").filter { !$0.contains(DropIn.environmentFileName) }
    }

    private static func isOwn(_ path: String) -> Bool { path.hasSuffix("/" + DropIn.fileName) }

    /// systemd has expanded the specifiers in their paths.
    private func environmentFiles(
        _ files: [UnitEnvironment.Source]
    ) throws(Failure) -> [UnitEnvironment.Source] {
        let listed = properties.environmentFiles
        // Where mptcpize's own is among them, those behind it come later. Else the last ones are
        // those of the drop-ins that will be.
        let own = listed.lastIndex { $0.pattern.hasSuffix("/" + DropIn.environmentFileName) }
        let first =
            own.map { $0 + 1 } ?? listed.count - Self.countNamed(by: files.filter(\.isLater))
        var sources: [UnitEnvironment.Source] = []
        for (index, entry) in listed.enumerated()
        where !entry.pattern.hasSuffix("/" + DropIn.environmentFileName) {
            for path in Self.matches(entry.pattern) {
                guard let bytes = try Self.bytes(of: path, isOptional: entry.isOptional) else {
                    continue
                }
                sources.append(.init(path: path, bytes: bytes, isLater: index >= first))
            }
        }
        return sources
    }

    /// How many EnvironmentFile= of these files systemd may have taken: absolute paths, and
    /// what specifiers may make one.
    private static func countNamed(by files: [UnitEnvironment.Source]) -> Int {
        let values = files.flatMap {
            UnitFile(path: $0.path, bytes: $0.bytes).values("EnvironmentFile", in: "Service")
        }
        return values.count { value in
            ["/", "-/", "%", "-%"].contains { value.utf8.starts(with: $0.utf8) }
        }
    }

    /// - Returns: nil for a directory that may be missing: systemd passes over it.
    private static func bytes(
        of path: String, isOptional: Bool = false
    ) throws(Failure) -> Bytes? {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFIFO {
            throw Failure(
                .failed, path, "is a FIFO: reading it would take what is meant for the service",
                remedy: "use the mode bpf, which needs no variables of the service")
        }
        do {
            return try contents(ofFile: path)
        } catch {
            if isOptional, error.rawValue == EISDIR || error.rawValue == ENOENT { return nil }
            throw Failure(
                .failed, path, "cannot be read: \(error.reason)",
                remedy: "run mptcpize as root: systemd reads the file as root too")
        }
    }

    /// The files of an EnvironmentFile=, which may be a pattern. That there is none is
    /// systemd's business.
    private static func matches(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap {
            found.gl_pathv[$0].map { String(cString: $0) }
        }
    }
}
