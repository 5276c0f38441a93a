import CLinux
import Glibc
import LinuxSystem
import SocketPolicy
import SocketValues

/// The socket options that TCP accepts and MPTCP refuses on some kernel, with this kernel's
/// answers. `mptcpize check --options` prints them.
package enum OptionTable {
    /// This kernel's answer for an unconnected MPTCP socket.
    package enum Answer: Equatable, Sendable {
        /// It takes the option: the remedy rests, but for one that adjusts.
        case taken
        /// It refuses it with this errno.
        case refused(Errno)
        /// There is no MPTCP socket of the address family here to ask, for this reason.
        case unknown(Errno)
        /// Plain TCP does not know the option on this kernel either.
        case unknownToTCP
    }

    /// When it is decided whether an option makes a socket TCP.
    package enum Decision: String, Sendable {
        case atOnce = "at once"
        case atConnect = "at connect"
        case atListen = "at listen"
    }

    package struct Row: Sendable {
        /// The option's name in the kernel's headers.
        package let name: String
        /// "SOL_SOCKET", "IPPROTO_TCP", "IPPROTO_IP", "IPPROTO_IPV6" or "ioctl".
        package let level: String
        package let answer: Answer
        package let remedy: Remedy.Kind
        /// What `remedy` becomes on a socket that is connected or listening.
        package let remedyOnceConnected: Remedy.Kind
        /// When the socket is demoted; nil where the option demotes none.
        package let decided: Decision?
        package let reason: String
    }

    /// Asks the kernel about every option, each on sockets of its own.
    package static func probe() -> [Row] {
        var count = 0
        let table = mptcpize_option_table(&count)!
        return (0..<count).map { row(table + $0) }
    }

    private static func row(_ option: UnsafePointer<mptcpize_option>) -> Row {
        let line = option.pointee
        let remedy = Self.remedy(line.remedy)
        return Row(
            name: String(cString: mptcpize_option_label(option)),
            level: levelNames[line.level] ?? "\(line.level)",
            answer: ask(line),
            remedy: remedy,
            remedyOnceConnected: remedy == .demote ? Self.remedy(line.otherwise) : remedy,
            decided: remedy == .demote ? decision(line.when) : nil,
            reason: String(cString: mptcpize_option_reason(option)))
    }

    private static func decision(_ when: UInt8) -> Decision {
        switch mptcpize_when(UInt32(when)) {
        case MPTCPIZE_AT_CONNECT: .atConnect
        case MPTCPIZE_AT_LISTEN: .atListen
        default: .atOnce
        }
    }

    private static let levelNames: [Int32: String] = [
        MPTCPIZE_LEVEL_IOCTL: "ioctl", SOL_SOCKET: "SOL_SOCKET", 0: "IPPROTO_IP",
        6: "IPPROTO_TCP", 41: "IPPROTO_IPV6",
    ]

    /// No line is without a remedy.
    private static func remedy(_ number: UInt8) -> Remedy.Kind {
        Remedy.Kind(code: UInt16(number)) ?? .refuse
    }

    // MARK: - The kernel

    private static func ask(_ line: mptcpize_option) -> Answer {
        do throws(Errno) {
            let tcp = try socket(for: line, Int32(IPPROTO_TCP))
            let mptcp = try socket(for: line, MPTCPIZE_IPPROTO_MPTCP)
            // Some can be set only, some read only: TCP tells which way to ask.
            let way = [setting, getting].first { way in !isRefusal(way(tcp.number, line)) }
            guard let way else { return .unknownToTCP }
            let error = way(mptcp.number, line)
            return isRefusal(error) ? .refused(error!) : .taken
        } catch {
            return .unknown(error)
        }
    }

    private static func socket(
        for line: mptcpize_option, _ number: Int32
    ) throws(Errno) -> Descriptor {
        let family = line.level == 41 ? AF_INET6 : AF_INET
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        return Descriptor(owning: try retrying { Glibc.socket(family, type, number) })
    }

    private static func isRefusal(_ error: Errno?) -> Bool {
        error.map { [ENOPROTOOPT, EOPNOTSUPP, ENOTTY].contains($0.rawValue) } ?? false
    }

    /// Bytes that are given with each call: more than a page. BPF programs of a cgroup,
    /// mptcpize's own among them, leave such a call to the kernel, whose answer this is.
    private static let room = 2 * sysconf(Int32(_SC_PAGESIZE))

    /// Sets it to what TCP starts with; a value that TCP dislikes is no refusal of the option.
    private static func setting(_ fd: Int32, _ line: mptcpize_option) -> Errno? {
        if line.level == MPTCPIZE_LEVEL_IOCTL {
            var mark: Int32 = 0
            return clinux_ioctl_int(fd, UInt(line.number), &mark) < 0 ? .last : nil
        }
        return withUnsafeTemporaryAllocation(byteCount: room, alignment: 8) { value in
            _ = value.initializeMemory(as: UInt8.self, repeating: 0)
            value.storeBytes(of: line.initial, as: Int32.self)
            let size = socklen_t(value.count)
            return setsockopt(fd, line.level, line.number, value.baseAddress, size) < 0
                ? .last : nil
        }
    }

    private static func getting(_ fd: Int32, _ line: mptcpize_option) -> Errno? {
        withUnsafeTemporaryAllocation(byteCount: room, alignment: 8) { value in
            var size = socklen_t(value.count)
            return getsockopt(fd, line.level, line.number, value.baseAddress, &size) < 0
                ? .last : nil
        }
    }
}
