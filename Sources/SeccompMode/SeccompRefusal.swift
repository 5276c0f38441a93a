import Glibc
import LinuxSystem

/// Why there can be no supervisor, as users are told.
enum SeccompRefusal {
    static var tooOld: Failure {
        Failure(
            .own, "seccomp", "this kernel lets no supervisor hand descriptors to a program",
            remedy: "use Linux 5.9 or newer, or --mode preload")
    }

    /// What an errno of seccomp(2) means.
    static func failure(_ error: Errno) -> Failure {
        switch error.rawValue {
        case EBUSY:
            Failure(
                .own, "seccomp",
                "a supervisor is there already, and a program can have one only: within "
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
