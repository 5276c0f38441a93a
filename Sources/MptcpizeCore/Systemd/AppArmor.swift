/// Whether AppArmor confines a service so that it may not map the preload library.
///
/// Which files a loaded profile allows cannot be asked. What is known: the abstraction
/// "base", which nearly all profiles include, allows libraries below /usr/lib and /lib.
struct AppArmor {
    private let profiles: String

    /// - Parameter profiles: "NAME (MODE)" a line, as the kernel lists what is loaded.
    init(profiles: String) { self.profiles = profiles }

    init() {
        let text = (try? contents(ofFile: "/sys/kernel/security/apparmor/profiles")) ?? []
        self.init(profiles: String(decoding: text, as: UTF8.self))
    }

    /// Why the library would not be loaded; nil where nothing says so.
    func confinement(of properties: UnitProperties, library: String) -> String? {
        if ["/usr/lib/", "/lib/"].contains(where: { library.hasPrefix($0) }) { return nil }
        let asked = String(properties["AppArmorProfile"].drop { $0 == "-" })
        let names = asked.isEmpty ? properties.programs : [asked]
        for line in profiles.split(separator: "\n") where line.hasSuffix(" (enforce)") {
            let name = line.dropLast(" (enforce)".count)
            if names.contains(String(name)) {
                return "AppArmor confines it (profile \(name)), and does not let it load \(library)"
            }
        }
        return nil
    }
}
