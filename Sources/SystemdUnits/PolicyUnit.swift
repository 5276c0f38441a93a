import ConnectionPolicy
import Glibc
import LinuxSystem

/// mptcpize's own unit, which loads rules into the kernel when the machine starts.
package struct PolicyUnit {
    package static let name = "mptcpize-policy.service"
    private static let folder = "/etc/systemd/system"
    private static let staged = ".\(name).new"
    private static let header = "# Written by mptcpize. To take it away: mptcpize policy remove\n"

    private let manager: ServiceManager

    /// nil where no systemd runs.
    package init?() throws(Failure) {
        if !ServiceManager.isRunning { return nil }
        manager = try ServiceManager(.system)
    }

    package static var path: String { "\(folder)/\(name)" }

    /// Has the rules of these places put into force at each start of the machine.
    package func install(_ places: PolicyPlaces) throws(Failure) {
        let text = Self.text(try ServiceProgram.ownPath(), places)
        try change { (directory, present) throws(Errno) in
            if present == text { return }
            // In its place by one step: a kill in between leaves the old one or the new one.
            try directory.unlink(Self.staged)
            try directory.writeFile(Self.staged, text)
            try directory.rename(Self.staged, to: directory, as: Self.name)
        }
        // Also where the file is as it was: it may have been disabled, or never enabled.
        try manager.reload()
        try manager.act("enable", UnitName(Self.name)!)
    }

    /// - Returns: whether it was there.
    package func remove() throws(Failure) -> Bool {
        guard access(Self.path, F_OK) == 0 else { return false }
        try change { (_, _) throws(Errno) in }
        try manager.act("disable", UnitName(Self.name)!)
        try change { (directory, _) throws(Errno) in try directory.unlink(Self.name) }
        try manager.reload()
        return true
    }

    /// Changes the file, unless it is somebody else's.
    ///
    /// - Parameter work: is given the folder, and what the file says now.
    private func change(
        _ work: (borrowing Descriptor, String?) throws(Errno) -> Void
    ) throws(Failure) {
        var isForeign = false
        do throws(Errno) {
            let directory = try Descriptor.open(Self.folder, O_RDONLY | O_DIRECTORY)
            let present = try directory.contents(Self.name)
            isForeign = !(present?.hasPrefix(Self.header) ?? true)
            if !isForeign { try work(directory, present) }
        } catch {
            throw unwritable(error)
        }
        if isForeign {
            throw Failure(
                .failed, Self.path, "was not written by mptcpize",
                remedy: "rename it to keep its contents")
        }
    }

    private func unwritable(_ error: Errno) -> Failure {
        Failure(
            .failed, Self.path, error.reasonInSentence,
            remedy: "with --runtime, rules need no file and last until the next boot")
    }

    /// A word of ExecStart=, in which systemd expands variables too (systemd.service(5)).
    static func word(_ text: String) -> String {
        UnitWords.quote(
            DropIn.escaped(text).split(separator: "$", omittingEmptySubsequences: false)
                .joined(separator: "$$"))
    }

    /// The command that puts rules into the kernel until the next boot.
    ///
    /// - Parameter scope: for what, with systemd's specifiers; none: for the whole host.
    static func apply(_ program: String, _ scope: String..., for places: PolicyPlaces) -> String {
        let words = ["policy apply --runtime"] + scope + places.words.map { word($0.text) }
        return "\(word(program)) " + words.joined(separator: " ")
    }

    /// The files that it needs.
    static func mounts(_ program: String, _ places: PolicyPlaces) -> String {
        var needed = [program]
        if case .file(let path) = places.files { needed.append(path.text) }
        return needed.map { UnitWords.quote(DropIn.escaped($0)) }.joined(separator: " ")
    }

    /// Behind nftables.service, which begins with an empty ruleset.
    private static func text(_ program: String, _ places: PolicyPlaces) -> String {
        header + """
            [Unit]
            Description=Rules for which connections stay TCP
            Documentation=man:mptcpize-policy(8)
            DefaultDependencies=no
            RequiresMountsFor=\(mounts(program, places))
            After=nftables.service
            Before=network-pre.target
            Wants=network-pre.target

            [Service]
            Type=oneshot
            RemainAfterExit=yes
            ExecStart=\(apply(program, for: places))

            [Install]
            WantedBy=sysinit.target

            """
    }
}
