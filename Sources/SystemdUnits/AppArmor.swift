import Glibc
import LinuxSystem

/// Whether AppArmor lets a service map the preload library.
///
/// It asks the kernel what a loaded profile allows, as libapparmor's aa_query_file_path() does. If
/// the kernel does not answer (only root may ask), there is no result.
struct AppArmor {
    /// "NAME (MODE)", as the kernel lists profiles and tells a process's own.
    struct Profile: Equatable {
        let name: String
        let mode: String

        /// - Returns: nil for a process that none confines.
        init?(_ line: some StringProtocol) {
            guard let open = line.lastRange(of: " ("), line.hasSuffix(")") else { return nil }
            name = String(line[..<open.lowerBound])
            mode = String(line[open.upperBound...].dropLast())
        }
    }

    private let profiles: [Profile]
    private static let directory = "/sys/kernel/security/apparmor"

    init(profiles: [Profile]) { self.profiles = profiles }

    /// The profiles of this machine.
    init() {
        profiles = ((try? lines(ofFile: Self.directory + "/profiles")) ?? [])
            .compactMap { Profile($0) }
    }

    /// Why the library would not be loaded; nil where nothing says so.
    ///
    /// - Parameters:
    ///   - programs: the service's, with their real paths.
    ///   - library: its path as the service sees it.
    func confinement(
        of programs: [String], properties: UnitProperties, library: String
    ) -> String? {
        let pid = properties["MainPID"]
        let running = ["/proc/\(pid)/attr/apparmor/current", "/proc/\(pid)/attr/current"].lazy
            .compactMap { (try? lines(ofFile: $0))?.first }.first.flatMap { Profile($0) }
        guard let profile = profile(of: programs, properties, running: running),
            // A program that is killed for what is not allowed is no less confined.
            ["enforce", "kill"].contains(profile.mode),
            Self.allows(profile.name, toMap: library) == false
        else { return nil }
        return "AppArmor confines it (profile \(profile.name)), and does not let it load \(library)"
    }

    /// The profile that a service is started with: the one that AppArmorProfile= names ("-"
    /// before it: where it is loaded), the one with the program's path for a name, or else
    /// the one it runs with: which other programs a profile is for, no kernel tells.
    func profile(
        of programs: [String], _ properties: UnitProperties, running: Profile?
    ) -> Profile? {
        let asked = properties["AppArmorProfile"]
        let names = asked.isEmpty ? programs : [String(asked.drop { $0 == "-" })]
        if let found = profiles.first(where: { names.contains($0.name) }) { return found }
        // systemd does not start it.
        if !asked.isEmpty, !asked.hasPrefix("-") { return nil }
        return profiles.first { programs.contains($0.name) } ?? running
    }

    /// Whether a profile lets a file be read and mapped as program text; nil: not known.
    private static func allows(_ profile: String, toMap file: String) -> Bool? {
        // AA_CLASS_FILE, AA_MAY_READ and AA_EXEC_MMAP of Linux's security/apparmor/include.
        let fileClass: UInt8 = 2
        let wanted: UInt32 = 0x4 | 0x1_0000
        let question =
            Bytes("label".utf8) + [0] + Bytes(profile.utf8) + [0, fileClass] + Bytes(file.utf8)
        guard let channel = try? Descriptor.open("\(directory)/.access", O_RDWR),
            // One write(2) is one question.
            write(channel.number, question, question.count) == question.count,
            let answer = try? channel.readAll(limit: 4096)
        else { return nil }
        // "allow 0x…" and "deny 0x…", a line each.
        var masks: [Substring: UInt32] = [:]
        for line in String(decoding: answer, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2 { masks[words[0]] = UInt32(words[1].dropFirst(2), radix: 16) }
        }
        guard let allowed = masks["allow"], let denied = masks["deny"] else { return nil }
        return allowed & ~denied & wanted == wanted
    }
}
