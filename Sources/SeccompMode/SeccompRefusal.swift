import Glibc
import LinuxSystem

/// The messages for users if a supervisor is not possible.
enum SeccompRefusal {
    static var tooOld: Failure {
        Failure(
            .own, "seccomp", "this kernel does not let a supervisor pass descriptors to a program",
            remedy: "use Linux 5.9 or newer, or --mode preload")
    }

    /// What an errno of seccomp(2) means.
    static func failure(_ error: Errno) -> Failure {
        switch error.rawValue {
        case EBUSY:
            Failure(
                .own, "seccomp",
                "the program already has a supervisor, and can have only one: within "
                    + "`mptcpize run --mode seccomp`, all programs have it",
                remedy: "start the program without mptcpize")
        case EINVAL, ENOSYS:
            tooOld
        default:
            Failure(
                .own, "seccomp",
                "a filter is refused here (\(error.name)): by the profile of a container, or a "
                    + "unit's SystemCallFilter=",
                remedy: "allow seccomp(2) there, or use --mode preload")
        }
    }
}
