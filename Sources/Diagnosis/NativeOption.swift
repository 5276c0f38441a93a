import CLinux
import Glibc
import Launch
import LinuxSystem

/// MPTCP of a program's own, which needs no mptcpize.
struct NativeOption {
    /// How it is switched on.
    let usage: String
    /// What the program's file contains when this build of it has the option: versions are
    /// no proof, distributions build and patch as they like.
    private let marker: String
    private let programs: [String]

    private init(_ programs: [String], marker: String, _ usage: String) {
        self.programs = programs
        self.marker = marker
        self.usage = usage
    }

    private static let all = [
        // nginx 1.29.7, freenginx 1.27.6.
        NativeOption(
            ["nginx", "freenginx"], marker: "multipath",
            "`listen … multipath;` in its configuration"),
        // haproxy 3.1.
        NativeOption(
            ["haproxy"], marker: "mptcp", "`bind mptcp@ADDRESS:PORT` and `server NAME mptcp@…`"),
        // curl 8.9.
        NativeOption(["curl"], marker: "mptcp", "`curl --mptcp`"),
        // iperf3 3.19.
        NativeOption(["iperf3"], marker: "mptcp", "`iperf3 --mptcp`, on client and server"),
    ]

    /// The option of a program; nil for one that has none, or not in this build.
    static func of(_ program: ProgramFile) -> NativeOption? {
        let name = program.path.lastPathComponent.text
        guard let option = all.first(where: { $0.programs.contains(name) }) else { return nil }
        return contains(option.marker, program.path) ? option : nil
    }

    private static func contains(_ marker: String, _ path: Bytes) -> Bool {
        guard let source = try? HostSystem().open(path) else { return false }
        let wanted = Bytes(marker.utf8)
        let chunk = 1 << 20
        var offset: UInt64 = 0
        while true {
            let bytes = source.read(at: offset, count: chunk)
            let isFound = clinux_contains(bytes, bytes.count, wanted, wanted.count)
            if isFound { return true }
            guard bytes.count == chunk else { return false }
            // It may lie across two chunks.
            offset += UInt64(chunk - wanted.count)
        }
    }
}
