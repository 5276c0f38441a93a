import Glibc
import LinuxSystem

/// What makes a program run with other privileges than its caller's: the kernel
/// then sets AT_SECURE, and every dynamic loader ignores LD_PRELOAD.
package enum PrivilegeChange: Sendable {
    case setUser, setGroup, fileCapabilities

    /// Follows bprm_fill_uid (fs/exec.c) and cap_bprm_creds_from_file (security/commoncap.c).
    ///
    /// - Parameter path: The file that is mapped in the end: a script's own bits do nothing.
    package init?(path: Bytes, on system: some LaunchSystem) {
        guard let status = try? system.status(of: path) else { return nil }
        // A set-id bit that names the caller's own user or group changes nothing.
        // Without group execution, S_ISGID means mandatory locking.
        let setsUser = status.mode & S_ISUID != 0 && status.user != system.user
        let setsGroup =
            status.mode & (S_ISGID | S_IXGRP) == S_ISGID | S_IXGRP && status.group != system.group
        // Root is given all capabilities anyway, which is no change.
        let capabilities = system.user != 0 && Self.grants(path, on: system)
        guard setsUser || setsGroup || capabilities, !system.isOnNosuidMount(path) else {
            return nil
        }
        if system.noNewPrivileges {
            // Set-id bits are then ignored. Capabilities are not granted either, but
            // the mere presence of effective ones sets AT_SECURE.
            guard capabilities else { return nil }
            self = .fileCapabilities
        } else {
            self = setsUser ? .setUser : setsGroup ? .setGroup : .fileCapabilities
        }
    }

    /// Whether security.capability holds any: struct vfs_cap_data of linux/capability.h,
    /// a magic number with the "effective" bit, then pairs of permitted and inheritable
    /// masks, all little-endian.
    private static func grants(_ path: Bytes, on system: some LaunchSystem) -> Bool {
        guard let value = system.extendedAttribute("security.capability", of: path),
            value.count >= 12
        else { return false }
        let effective = value[0] & 1 != 0
        let permitted = value[4..<8] + (value.count >= 20 ? value[12..<16] : [])
        return effective || permitted.contains { $0 != 0 }
    }
}
