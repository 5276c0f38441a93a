import Glibc
import LinuxSystem

/// A unit as systemd has it loaded.
package struct LoadedUnit: Sendable {
    /// Its own name, whatever alias was asked for; a template's is the template.
    package let name: UnitName
    package let properties: UnitProperties

    init(_ name: UnitName, _ properties: UnitProperties) {
        self.name = name
        self.properties = properties
    }

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
                remedy: "`systemctl \(manager.option)list-unit-files` lists all units")
        case "masked":
            throw Failure(
                .failed, typed.description, "is masked, so it cannot be started",
                remedy: manager.command("systemctl", "unmask", typed))
        default:
            throw Failure(
                .failed, typed.description, "systemd cannot load it",
                remedy: manager.command("systemctl", "status", typed) + " shows why")
        }
        if let file = argument.file, !isSameFile(file, properties["FragmentPath"]) {
            throw Failure(
                .failed, file, "systemd loads \(typed) from \(properties["FragmentPath"])",
                remedy: "give the unit's name")
        }
    }

    package var isActive: Bool { properties.isActive }

}

/// Whether two paths lead to the same file.
package func isSameFile(_ one: String, _ other: String) -> Bool {
    var first = stat()
    var second = stat()
    return stat(one, &first) == 0 && stat(other, &second) == 0
        && first.st_dev == second.st_dev && first.st_ino == second.st_ino
}
