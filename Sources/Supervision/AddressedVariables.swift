import CLinux
import Glibc
import Launch
import LinuxSystem

/// Variables with which a service manager names a process. Those that name mptcpize must name the
/// program instead.
///
/// sd_listen_fds(3) and sd_watchdog_enabled(3) compare them with the caller. Variables that name
/// another process do not change, because they are not for the program.
struct AddressedVariables {
    private static let ofPID = ["LISTEN_PID", "WATCHDOG_PID", "SYSTEMD_EXEC_PID"]
    /// By the inode number of a pidfd (systemd 258, Linux 6.9).
    private static let ofPidfd = ["LISTEN_PIDFDID"]

    /// The environment, with room where the program's own numbers go: they are known in its
    /// process only.
    private(set) var environment: [[CChar]]
    /// Which entries those are, and where in them the number begins.
    private(set) var pids: [(entry: Int, offset: Int)] = []
    private(set) var pidfds: [(entry: Int, offset: Int)] = []

    init(_ environment: [[CChar]]) {
        self.environment = environment
        let own = UInt64(getpid())
        for index in environment.indices {
            if let offset = makeRoom(index, Self.ofPID, own) { pids.append((index, offset)) }
            if let offset = makeRoom(index, Self.ofPidfd, clinux_pidfd_inode()) {
                pidfds.append((index, offset))
            }
        }
    }

    /// Where the number begins, if the entry is one of these variables and names `number`.
    private mutating func makeRoom(
        _ index: Int, _ names: [String], _ number: @autoclosure () -> UInt64
    ) -> Int? {
        let entry = environment[index]
        for name in names {
            let prefix = "\(name)=".utf8.map { CChar(bitPattern: $0) }
            guard entry.starts(with: prefix) else { continue }
            let value = entry.dropFirst(prefix.count).prefix { $0 != 0 }.map(
                UInt8.init(bitPattern:))
            guard let named = UInt64(String(decoding: value, as: UTF8.self)), named != 0,
                named == number()
            else { return nil }
            let room = [CChar](repeating: CChar(UInt8(ascii: "0")), count: Int(CLINUX_DIGITS))
            environment[index] = prefix + room + [0]
            return prefix.count
        }
        return nil
    }
}
