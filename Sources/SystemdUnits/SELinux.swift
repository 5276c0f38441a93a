import Glibc
import Launch
import LinuxSystem

/// Whether SELinux lets a service execute the preload library.
///
/// It asks the kernel through the files of selinuxfs, as libselinux does, and guesses nothing from
/// the names of types.
package struct SELinux {
    private static let directory = "/sys/fs/selinux"

    /// Whether a policy is in force, and not just logged.
    package static var isEnforcing: Bool {
        (try? lines(ofFile: directory + "/enforce"))?.first == "1"
    }

    /// Whether there is a policy at all.
    package static var isEnabled: Bool { access(directory + "/enforce", F_OK) == 0 }

    /// A file's label: "system_u:object_r:lib_t:s0".
    package static func label(ofFile path: String) -> String? {
        HostSystem().extendedAttribute("security.selinux", of: Bytes(path.utf8))
            .map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    package static func label(ofProcess pid: Int32) -> String? {
        (try? contents(ofFile: "/proc/\(pid)/attr/current"))
            .map { String(decoding: $0.prefix { $0 != 0 && $0 != 0x0A }, as: UTF8.self) }
            .flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Why the library would not be loaded; nil where nothing says so.
    ///
    /// - Parameters:
    ///   - programs: the service's, with their real paths.
    ///   - library: the library's file.
    package static func confinement(
        of programs: [String], properties: UnitProperties, library: String
    ) -> (reason: String, remedy: String)? {
        guard isEnforcing, let domain = domain(of: programs, properties),
            let label = label(ofFile: library),
            isAllowed(domain, label, "file", ["read", "open", "map", "execute"]) == false
        else { return nil }
        let directory = Bytes(library.utf8).directory?.text ?? library
        return (
            "SELinux confines it (\(domain)), and does not let it execute \(library), "
                + "which is labelled \(label)",
            "`restorecon -R \(directory)`, or `chcon -R -t lib_t \(directory)` if the "
                + "policy has no rule for that place, or install mptcpize below /usr"
        )
    }

    /// What a service runs as: SELinuxContext=, what it runs as now, or what the policy makes of
    /// systemd's own domain and the program's label.
    private static func domain(of programs: [String], _ properties: UnitProperties) -> String? {
        let asked = properties["SELinuxContext"].drop { $0 == "-" }
        if !asked.isEmpty { return String(asked) }
        if let pid = Int32(properties["MainPID"]), pid > 0, let label = label(ofProcess: pid) {
            return label
        }
        guard let program = programs.first, let file = label(ofFile: program),
            let manager = label(ofProcess: 1),
            let number = number("class/process/index"),
            let answer = ask("create", "\(manager) \(file) \(number)")
        else { return nil }
        return answer
    }

    /// Whether the policy in force lets a domain do all of this; nil: not known.
    private static func isAllowed(
        _ domain: String, _ label: String, _ name: String, _ permissions: [String]
    ) -> Bool? {
        guard let number = number("class/\(name)/index") else { return nil }
        var wanted: UInt32 = 0
        for permission in permissions {
            // Older policies have no "map".
            guard let bit = self.number("class/\(name)/perms/\(permission)") else { continue }
            wanted |= 1 << (bit - 1)
        }
        let question = "\(domain) \(label) \(number) \(String(wanted, radix: 16))"
        // "allowed ffffffff auditallow auditdeny seqno flags", in hexadecimal but for seqno.
        guard let words = ask("access", question)?.split(separator: " "), words.count >= 6,
            let allowed = UInt32(words[0], radix: 16), let flags = UInt32(words[5], radix: 16)
        else { return nil }
        let isPermissive = flags & 1 != 0
        return isPermissive || allowed & wanted == wanted
    }

    private static func number(_ file: String) -> UInt32? {
        (try? lines(ofFile: "\(directory)/\(file)"))?.first.flatMap { UInt32($0) }
    }

    /// One write is one question; the answer is read from the same open file.
    private static func ask(_ file: String, _ question: String) -> String? {
        let bytes = Bytes(question.utf8)
        guard let channel = try? Descriptor.open("\(directory)/\(file)", O_RDWR),
            write(channel.number, bytes, bytes.count) == bytes.count,
            let answer = try? channel.readAll(limit: 4096)
        else { return nil }
        return String(decoding: answer.prefix { $0 != 0 && $0 != 0x0A }, as: UTF8.self)
    }

    /// Gives files the labels that the policy has for their paths, where its tool is installed:
    /// what is made beside its place and moved there keeps the label of where it was made.
    package static func restoreLabels(_ paths: [String]) {
        guard isEnabled, !paths.isEmpty else { return }
        _ = try? Subprocess.run(["restorecon", "-R"] + paths, settings: ["LC_ALL": "C.UTF-8"])
    }
}
