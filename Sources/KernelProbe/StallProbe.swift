import CLinux
import Glibc
import LinuxSystem

/// Whether MPTCP transfers sometimes stand still on this kernel (docs/kernel-stall.md).
package enum StallProbe {
    /// By the sign that the preload library goes by (Sources/Interposer/stalls.c): the fault came
    /// with Linux 6.15, and one release later SO_PASSRIGHTS, which TCP sockets refuse otherwise than
    /// an option that the kernel does not know.
    package static var hasFault: Bool {
        let passRights: Int32 = 83
        let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard made >= 0 else { return false }
        let descriptor = Descriptor(owning: made)
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor.number, SOL_SOCKET, passRights, &value, &length) != 0
            && errno == EOPNOTSUPP
    }
}
