import BPFProgs
import Glibc
import LinuxSystem

/// The messages for users if the BPF mode is not possible, and what to do about it.
package enum BPFRefusal {
    /// What most of them are about.
    private static let object = "BPF mode"
    private static let other = "mptcpize run and mptcpize enable work without it"

    /// Why the mode cannot be had, for a sentence that names the mode already.
    package static func reason(_ failure: Failure) -> String {
        (failure.object == object ? "" : "\(failure.object): ") + failure.reason
    }

    static func notRoot(command: String = "mptcpize bpf …") -> Failure {
        Failure(.failed, object, "needs root", remedy: "try: sudo \(command)")
    }

    /// Root of a user namespace may load no program that acts for the machine.
    static var inUserNamespace: Failure {
        Failure(
            .failed, object, "needs root of the machine, not of a user namespace (a container)",
            remedy: "run it on the host; \(other)")
    }

    static var notBuiltIn: Failure {
        Failure(
            .failed, object, "this mptcpize was built without it",
            remedy: "build again after scripts/build-bpf, or with make")
    }

    static var noBTF: Failure {
        Failure(
            .failed, object, "this kernel does not describe its types (/sys/kernel/btf/vmlinux)",
            remedy: "use a kernel with CONFIG_DEBUG_INFO_BTF")
    }

    static var noHook: Failure {
        Failure(
            .failed, object, "this kernel has no hook \(MPTCPIZE_BPF_HOOK)",
            remedy: "it came with Linux 6.6; \(other)")
    }

    static func loading(_ error: Errno) -> Failure {
        switch error.rawValue {
        case EINVAL where isLockedDown:
            Failure(.failed, object, lockdown, remedy: "lockdown=integrity allows it; \(other)")
        case EPERM: refused
        case ENOMEM: noMemory
        case ENOTSUP, EOPNOTSUPP:
            Failure(
                .failed, object, "this kernel runs no BPF program at that hook",
                remedy: "use a kernel with CONFIG_BPF_JIT and CONFIG_FUNCTION_TRACER; \(other)")
        default:
            Failure(
                .failed, object, "the kernel refuses the program (\(error.name))",
                remedy: "add --debug to see the verifier's reasons")
        }
    }

    static func reporting(_ error: Errno) -> Failure {
        if error.rawValue == ENOMEM { return noMemory }
        let reason =
            error.rawValue == EINVAL && isLockedDown
            ? lockdown : "the kernel refuses the program that reports (\(error.name))"
        return Failure(.failed, object, reason, remedy: "leave out --report and -d")
    }

    static var noSight: Failure {
        Failure(
            .failed, object,
            "cannot find net.mptcp.enabled in this kernel; without it, programs could fail "
                + "where it is 0",
            remedy: other)
    }

    static func state(_ error: Errno) -> Failure {
        if error.rawValue == ENOMEM { return noMemory }
        if error.rawValue == E2BIG {
            return Failure(
                .failed, object, "more than \(MPTCPIZE_BPF_CGROUPS) cgroups",
                remedy: "attach one above them all")
        }
        return Failure(.failed, BPFPins.base, error.reason, remedy: again)
    }

    static var otherLayout: Failure {
        Failure(
            .failed, object,
            "the program in the kernel is of another version, whose counters this one "
                + "cannot read",
            remedy: again)
    }

    /// Not a refusal of the mode: what is missing then.
    static var noRemedies: Failure {
        Failure(
            .failed, object,
            "this kernel refuses the programs that mend socket options: options that MPTCP "
                + "refuses fail",
            remedy: "add --debug to see the verifier's reasons, after mptcpize bpf detach --all")
    }

    static func noRemedies(_ cgroup: String, _ error: Errno) -> Failure {
        Failure(
            .failed, cgroup,
            "its sockets become MPTCP, but options that MPTCP refuses fail: "
                + (error.rawValue == EPERM
                    ? "another BPF program there allows no second one" : error.reason))
    }

    /// Whether the kernel lets no BPF program call the helpers that read kernel memory
    /// (LOCKDOWN_BPF_READ_KERNEL): to the verifier there are none then.
    private static var isLockedDown: Bool {
        // "none integrity [confidentiality]"
        (try? lines(ofFile: "/sys/kernel/security/lockdown"))?.first?
            .contains("[confidentiality]") ?? false
    }

    private static let lockdown =
        "kernel lockdown (confidentiality) does not let BPF programs read kernel memory"

    private static let again = "mptcpize bpf detach --all, then attach again"

    private static var refused: Failure {
        Failure(
            .failed, object, "the kernel refuses to attach the program (EPERM)",
            remedy: "lockdown, a security policy or a container forbids it; \(other)")
    }

    private static var noMemory: Failure {
        Failure(
            .failed, object, "out of memory, or this cgroup's memory limit is reached",
            remedy: "free memory, or raise memory.max")
    }
}
