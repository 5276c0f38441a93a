import ConnectionPolicy
import Glibc
import Launch
import LinuxSystem

/// The unit of mptcpize's own that puts rules into the kernel when the machine starts.
package struct PolicyUnit {
    package static let name = "mptcpize-policy.service"
    private static let folder = "/etc/systemd/system"
    private static let header = "# Written by mptcpize. To take it away: mptcpize policy remove\n"

    private let manager: ServiceManager

    /// nil where no systemd runs.
    package init?() throws(Failure) {
        if access("/run/systemd/system", F_OK) != 0 { return nil }
        manager = try ServiceManager(.system)
    }

    package static var path: String { "\(folder)/\(name)" }

    /// Has the rules of these places put into force at each start of the machine.
    package func install(_ places: PolicyPlaces) throws(Failure) {
        guard let program = HostSystem().realPath(of: Bytes("/proc/self/exe".utf8)) else {
            throw Failure(.own, "/proc/self/exe", "cannot be read", remedy: "is /proc mounted?")
        }
        if let failure = ServiceProgram.untrusted(program, scope: .system) { throw failure }
        do throws(Errno) {
            let directory = try Descriptor.open(Self.folder, O_RDONLY | O_DIRECTORY)
            if try directory.contents(Self.name) == Self.text(program, places) { return }
            try directory.unlink(Self.name)
            try directory.writeFile(Self.name, Self.text(program, places))
        } catch {
            throw Failure(.failed, Self.path, error.reasonInSentence)
        }
        try manager.reload()
        try manager.act("enable", UnitName(Self.name)!)
    }

    /// - Returns: whether it was there.
    package func remove() throws(Failure) -> Bool {
        guard access(Self.path, F_OK) == 0 else { return false }
        try manager.act("disable", UnitName(Self.name)!)
        do throws(Errno) {
            try Descriptor.open(Self.folder, O_RDONLY | O_DIRECTORY).unlink(Self.name)
        } catch {
            throw Failure(.failed, Self.path, error.reasonInSentence)
        }
        try manager.reload()
        return true
    }

    /// Behind nftables.service, which begins with an empty ruleset.
    private static func text(_ program: Bytes, _ places: PolicyPlaces) -> String {
        let options = places.words.map { " " + UnitWords.quote(DropIn.escaped($0.text)) }.joined()
        return header + """
            [Unit]
            Description=Rules for which connections stay TCP
            Documentation=man:mptcpize-policy(8)
            DefaultDependencies=no
            RequiresMountsFor=\(UnitWords.quote(DropIn.escaped(program.text)))
            After=nftables.service
            Before=network-pre.target
            Wants=network-pre.target

            [Service]
            Type=oneshot
            RemainAfterExit=yes
            ExecStart=\(UnitWords.quote(DropIn.escaped(program.text))) policy apply --runtime\(options)

            [Install]
            WantedBy=sysinit.target

            """
    }
}
