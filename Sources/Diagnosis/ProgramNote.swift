import Launch
import LinuxSystem

/// What is special about a program's sockets under mptcpize, and what to do.
struct ProgramNote {
    let text: String
    let next: String

    /// The note on a program as it was called, or on that of a unit; nil for most.
    static func of(
        _ name: String, _ program: ProgramFile, isUnit: Bool
    ) -> ProgramNote? {
        if let part = program.kernelUser {
            return ProgramNote(
                text:
                    "gives its sockets to the kernel (\(part)), which takes TCP only: they stay TCP",
                next: "")
        }
        if program.path.lastPathComponent == Bytes("openvpn".utf8) {
            return ProgramNote(
                text: "with data channel offload it gives its TCP sockets to the kernel, which "
                    + "refuses MPTCP",
                next: "openvpn --disable-dco, if it uses --proto tcp")
        }
        if program.image?.goVersion?.knowsMultipath == true {
            return ProgramNote(
                text:
                    "GODEBUG makes its sockets MPTCP, unless it decides itself; no library mends "
                    + "the options that MPTCP refuses: TCP_USER_TIMEOUT, TCP_MD5SIG, before Linux 6.2 "
                    + "keep-alive",
                next: "mptcpize \(isUnit ? "enable" : "run") --mode bpf \(name), which mends most, "
                    + "if it sets such options (`mptcpize check --options`)")
        }
        guard program.isPython else { return nil }
        return ProgramNote(
            text: "asyncio sets no TCP_NODELAY on a socket that it was handed by number "
                + "(systemd's activation, re-exec), unless its protocol is TCP",
            next: "mptcpize \(isUnit ? "enable" : "run") --protocol-as-tcp \(name), "
                + "if it is handed sockets")
    }
}
