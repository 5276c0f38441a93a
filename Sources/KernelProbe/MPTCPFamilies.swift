import CLinux
import Glibc
import LinuxSystem
import SocketPolicy

/// For which address families the kernel makes MPTCP sockets.
package struct MPTCPFamilies {
    package let ipv4: Bool
    package let ipv6: Bool

    /// Asks the kernel. Not for programs with more than one thread.
    package init() throws(Failure) {
        do throws(Errno) {
            let answers = try Self.whereMPTCPIsOn {
                [Self.refusal(AF_INET), Self.refusal(AF_INET6)]
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
                remedy: isMissing ? "use a kernel with CONFIG_MPTCP" : "dmesg shows what refused it"
            )
        }
    }

    /// Asks the kernel something: in this network namespace, or, where MPTCP is off in it, in
    /// one of its own. Not for programs with more than one thread.
    package static func whereMPTCPIsOn<Answer>(_ ask: () -> Answer) throws(Errno) -> Answer {
        guard refusal(AF_INET) == ENOPROTOOPT || refusal(AF_INET6) == ENOPROTOOPT else {
            return ask()
        }
        return try inNamespaceOfItsOwn(ask)
    }

    /// Asks the kernel something in a network namespace that is there for it alone. Not for
    /// programs with more than one thread.
    package static func inNamespaceOfItsOwn<Answer>(_ ask: () -> Answer) throws(Errno) -> Answer {
        let home = try Descriptor.open("/proc/self/ns/net", O_RDONLY)
        guard clinux_new_network_namespace() == 0 else { throw Errno.last }
        let answer = ask()
        guard clinux_enter_network_namespace(home.number) == 0 else { throw Errno.last }
        return answer
    }

    /// The errno of an MPTCP socket's creation, 0 for none.
    private static func refusal(_ family: Int32) -> Int32 {
        let made = socket(family, Int32(SOCK_STREAM.rawValue), MPTCPIZE_IPPROTO_MPTCP)
        guard made >= 0 else { return Errno.last.rawValue }
        close(made)
        return 0
    }
}
