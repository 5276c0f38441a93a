import LinuxSystem

extension Errno {
    /// Why the kernel refused an MPTCP socket (socket(2) with protocol 262), in plain words.
    package func ofMultipathTCP(_ family: AddressFamily) -> String {
        switch name {
        case "ENOPROTOOPT": "MPTCP is off here (net.mptcp.enabled=0)"
        case "EPROTONOSUPPORT":
            family == .inet6 ? "kernel has no MPTCP for IPv6" : "kernel has no MPTCP"
        case "EINVAL": "kernel is too old for MPTCP"
        case "EPERM", "EACCES": "a security policy refused it"
        // MPTCPIZE_REFUSED_FOR_CGROUP
        case "EXDEV": "its cgroup binds it to a device, or marks it, as `ip vrf exec` does"
        // MPTCPIZE_REFUSED_BY_KERNEL_USER
        case "EPROTOTYPE": "its program hands it to the kernel, which takes TCP only"
        default: reasonInSentence
        }
    }
}
