import CLinux
import Glibc
import SocketPolicy

/// For which address families the kernel makes MPTCP sockets.
struct MPTCPFamilies {
    let ipv4: Bool
    let ipv6: Bool

    /// Asks the kernel, in a network namespace of its own where MPTCP is off in this one.
    /// Not for programs with more than one thread.
    init() throws(Failure) {
        do throws(Errno) {
            var answers = [Self.refusal(AF_INET), Self.refusal(AF_INET6)]
            if answers.contains(ENOPROTOOPT) {
                let home = try Descriptor.open("/proc/self/ns/net", O_RDONLY)
                guard clinux_new_network_namespace() == 0 else { throw Errno.last }
                answers = [Self.refusal(AF_INET), Self.refusal(AF_INET6)]
                guard clinux_enter_network_namespace(home.number) == 0 else { throw Errno.last }
            }
            ipv4 = answers[0] == 0
            ipv6 = answers[1] == 0
            guard ipv4 else { throw Errno(rawValue: answers[0]) }
        } catch {
            let isMissing = mptcpize_refusal_is_permanent(error.rawValue)
            throw Failure(
                .failed, "MPTCP",
                isMissing
                    ? "this kernel is built without it"
                    : "the kernel refuses an MPTCP socket: \(error.reason)",
                remedy: isMissing ? "use a kernel with CONFIG_MPTCP" : "see dmesg for who refused")
        }
    }

    /// The errno of an MPTCP socket's creation, 0 for none.
    private static func refusal(_ family: Int32) -> Int32 {
        let made = socket(family, Int32(SOCK_STREAM.rawValue), MPTCPIZE_IPPROTO_MPTCP)
        guard made >= 0 else { return Errno.last.rawValue }
        close(made)
        return 0
    }
}
