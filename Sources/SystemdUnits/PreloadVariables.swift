import Launch
import LinuxSystem

/// How LD_PRELOAD and GODEBUG are changed for a service: as `run` changes them for
/// a program (`LaunchEnvironment`).
enum PreloadVariables {
    static let names = ["LD_PRELOAD", "GODEBUG"]

    /// The variable's new value; nil where what it says is right already.
    ///
    /// - Parameter value: what it was; may hold specifiers that systemd has yet to expand.
    static func merged(_ name: String, _ value: String?, preload library: String) -> String? {
        var environment = LaunchEnvironment(value.map { [Bytes("\(name)=\($0)".utf8)] } ?? [])
        if name == "GODEBUG" {
            environment.enableGoMultipath()
        } else {
            environment.preload(Bytes(library.utf8))
        }
        let merged = environment.value(of: name)?.text ?? ""
        return merged == value ? nil : merged
    }
}
