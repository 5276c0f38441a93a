import CLinux
import Glibc
import LinuxSystem

/// The unit files that keep a slice attached for good.
///
/// A slice runs no program that could attach it, and what is in it may start as soon as the slice
/// is there. So a drop-in has the slice wait for an instance of a template service, which makes
/// the slice's cgroup and attaches it; systemd then takes the directory that it finds. The
/// instance is active as long as the slice (PartOf=), and so runs again for the next one.
///
/// Slices that are there before any unit (-.slice, system.slice) are never started, so that nothing
/// waits for them: sysinit.target wants the instance, which goes before what opens sockets.
package struct SlicePlan {
    let unit: UnitName
    /// Whether systemd has the slice at all times.
    let isPerpetual: Bool
    let scope: ManagerScope

    /// The template's name.
    static let template = "mptcpize-slice@.service"
    private static let prefix = "mptcpize-slice@"

    /// The service that attaches a slice.
    package static func service(of slice: UnitName) -> UnitName? {
        UnitName("\(prefix)\(slice).service")
    }

    /// - Parameter program: mptcpize itself, which systemd is to run as root.
    func dropIn(program: String) throws(Failure) -> DropIn {
        guard scope == .system else {
            throw Failure(
                .usage, unit.description, "--mode bpf works only for system units",
                remedy: "as root: `mptcpize enable --mode bpf \(unit.typed)`")
        }
        guard SliceName(unit.description) != nil, let service = Self.service(of: unit) else {
            throw Failure(.usage, unit.description, "is not the name of a slice")
        }
        try Self.refuseLate(program, for: unit)
        let waiting = ["Wants=\(Self.prefix)%n.service", "After=\(Self.prefix)%n.service"]
        return DropIn(
            section: "Unit", settings: isPerpetual ? [] : waiting,
            companion: .init(name: Self.template, text: Self.templateText(program: program)),
            link: isPerpetual ? "sysinit.target.wants/\(service)" : nil)
    }

    /// Refuses an mptcpize that is not there yet when the first slices are made.
    static func refuseLate(_ program: String, for unit: UnitName) throws(Failure) {
        guard comesLate(program) else { return }
        throw Failure(
            .failed, unit.description,
            "mptcpize is on a network file system, which is mounted after the first "
                + "services",
            remedy: "`make install` puts it on a local file system")
    }

    /// Whether a file is on a file system that is mounted when the network is there. (A root
    /// file system always is.)
    private static func comesLate(_ path: String) -> Bool {
        var root = stat()
        var own = stat()
        guard stat("/", &root) == 0, stat(path, &own) == 0, root.st_dev != own.st_dev,
            let file = try? Descriptor.open(path, clinux_o_path)
        else { return false }
        // statfs(2): NFS, CIFS, SMB2, AFS, Ceph, OCFS2, GFS2, 9P; FUSE (sshfs and others).
        return [
            0x6969, 0xFF53_4D42, 0xFE53_4D42, 0x5346_414F, 0x00C3_6400, 0x7461_636F, 0x0116_1970,
            0x0102_1997, 0x6573_5546,
        ].contains(clinux_file_system_type(file.number))
    }

    private static func templateText(program: String) -> String {
        let path = DropIn.escaped(program)
        let command = UnitWords.quote(path)
        return SliceService.text(
            "Written by mptcpize for the slices that it has enabled. It goes with the last of them.",
            description: "Multipath TCP for what runs in %i", manual: "mptcpize-enable(8)",
            slice: "%i", mounts: command, settings: ["ConditionFileIsExecutable=\(path)"],
            command: "\(command) bpf attach --slice=%i")
    }

    /// Whether a drop-in is one of these.
    static func isMade(_ text: String) -> Bool { text.contains("\nCompanion=\(template)\n") }
}
