import Glibc
import LinuxSystem

/// A unit as systemd has it loaded.
package struct LoadedUnit: Sendable {
    /// Its own name, whatever alias was asked for; a template's is the template.
    package let name: UnitName
    package let properties: UnitProperties

    /// Asks systemd about what the user named.
    ///
    /// - Throws: `Failure` for a unit that is missing, masked, broken, or whose file is
    ///   not the one that was named.
    package init(_ argument: UnitArgument, of manager: ServiceManager) throws(Failure) {
        let typed = argument.name
        properties = try manager.properties(of: typed)
        let own = UnitName(properties["Id"]) ?? typed
        name = typed.isTemplate ? own.template ?? typed : own
        switch properties["LoadState"] {
        case "loaded": break
        case "not-found":
            throw Failure(
                .failed, typed.description, "there is no such unit",
                remedy: "`systemctl \(manager.option)list-unit-files` lists the units there are")
        case "masked":
            throw Failure(
                .failed, typed.description, "is masked, so that it cannot be started",
                remedy: manager.command("systemctl", "unmask", typed))
        default:
            throw Failure(
                .failed, typed.description, "systemd cannot load it",
                remedy: manager.command("systemctl", "status", typed) + " tells why")
        }
        if let file = argument.file, !isSameFile(file, properties["FragmentPath"]) {
            throw Failure(
                .failed, file, "systemd loads \(typed) from \(properties["FragmentPath"])",
                remedy: "give the unit's name")
        }
    }

    package var isActive: Bool { properties.isActive }

    /// What decides its environment, mptcpize's own drop-ins left out.
    ///
    /// - Throws: `Failure` for a file that systemd reads and this process cannot.
    package func environment(of manager: ServiceManager) throws(Failure) -> UnitEnvironment {
        let paths = [properties["FragmentPath"]] + properties.words("DropInPaths")
        var files: [UnitFile] = []
        for path in paths where !path.isEmpty && !path.hasSuffix("/" + DropIn.fileName) {
            files.append(UnitFile(path: path, text: try text(of: path)))
        }
        // systemd has expanded specifiers in these paths. The last ones are those of the
        // drop-ins that are applied last.
        let later = files.filter { DropIn.isAppliedBefore($0.path) }
            .flatMap { $0.values("EnvironmentFile", in: "Service") }.filter { !$0.isEmpty }.count
        let listed = properties.environmentFiles
            .filter { !$0.pattern.hasSuffix("/" + DropIn.environmentFileName) }
        var loaded: [UnitEnvironment.LoadedFile] = []
        for (index, entry) in listed.enumerated() {
            for path in matches(entry.pattern) {
                loaded.append(
                    UnitEnvironment.LoadedFile(
                        path: path, assignments: EnvironmentFile.parse(try text(of: path)),
                        isLater: index >= listed.count - later))
            }
        }
        return UnitEnvironment(
            files: files, environmentFiles: loaded,
            manager: Dictionary(try manager.environment(), uniquingKeysWith: { $1 }),
            passed: manager.scope == .system ? Self.environmentOfInit : [:])
    }

    /// PID 1's own environment. A user's manager hands its own to every service anyway.
    private static var environmentOfInit: [String: String] {
        var result: [String: String] = [:]
        for entry in (try? contents(ofFile: "/proc/1/environ"))?.split(separator: 0) ?? [] {
            let text = String(decoding: entry, as: UTF8.self)
            guard let equals = text.firstIndex(of: "=") else { continue }
            result[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return result
    }

    private func text(of path: String) throws(Failure) -> String {
        do {
            return String(decoding: try contents(ofFile: path), as: UTF8.self)
        } catch {
            throw Failure(
                .failed, path, "cannot be read: \(error.reason)",
                remedy: "run mptcpize as root, which is who systemd reads it as")
        }
    }

    /// The files of an EnvironmentFile=, which may be a pattern. That there is none is
    /// systemd's business.
    private func matches(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap {
            found.gl_pathv[$0].map { String(cString: $0) }
        }
    }
}

/// Whether two paths lead to the same file.
package func isSameFile(_ one: String, _ other: String) -> Bool {
    var first = stat()
    var second = stat()
    return stat(one, &first) == 0 && stat(other, &second) == 0
        && first.st_dev == second.st_dev && first.st_ino == second.st_ino
}
