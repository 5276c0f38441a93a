/// A service of ours that does something to a slice's cgroup before anything in it starts: at boot,
/// and again whenever systemd makes the slice anew.
enum SliceService {
    /// The text of its unit file.
    ///
    /// - TimeoutStartSec=: nothing waits longer for what may fail.
    /// - No ExecStop=: while that ran, a slice that is made anew would not wait for the start.
    ///
    /// - Parameters:
    ///   - comment: what it is written for.
    ///   - slice: its name, or a specifier that stands for it.
    ///   - mounts: the paths that have to be there, as RequiresMountsFor= takes them.
    ///   - settings: more of its section [Unit].
    ///   - command: of ExecStart=.
    static func text(
        _ comment: String, description: String, manual: String, slice: String, mounts: String,
        settings: [String], command: String
    ) -> String {
        """
        # \(comment)
        [Unit]
        Description=\(description)
        Documentation=man:\(manual)
        DefaultDependencies=no
        RequiresMountsFor=\(mounts)
        PartOf=\(slice)
        \(settings.map { $0 + "\n" }.joined())\
        Before=sysinit.target network-pre.target systemd-networkd.service systemd-resolved.service

        [Service]
        Type=oneshot
        RemainAfterExit=yes
        Slice=-.slice
        TimeoutStartSec=30
        ExecStart=\(command)

        """
    }
}
