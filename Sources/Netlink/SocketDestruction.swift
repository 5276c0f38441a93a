import CLinux
import Glibc
import LinuxSystem

extension DiagSocket {
    /// Has the kernel end this TCP socket, a subflow too, as if its peer had reset it
    /// (CONFIG_INET_DIAG_DESTROY; subflows since Linux 6.3).
    ///
    /// - Throws: EPERM without CAP_NET_ADMIN, EOPNOTSUPP where the kernel cannot.
    package func destroy(
        over channel: borrowing some NetlinkChannel & ~Copyable
    ) throws(Errno) {
        let destroy: UInt16 = 21  // SOCK_DESTROY of linux/sock_diag.h
        func padded(_ bytes: [UInt8]) -> [UInt8] {
            bytes + [UInt8](repeating: 0, count: 16 - bytes.count)
        }
        let family = local.family == .inet ? AF_INET : AF_INET6
        // struct inet_diag_req_v2, as in `request`; struct inet_diag_sockid: ports and addresses in
        // network order, the interface, the cookie.
        let head = [UInt8(family), UInt8(IPPROTO_TCP), 0, 0] + bytes(of: UInt32.max)
        let ports = bytes(of: local.port.bigEndian) + bytes(of: remote.port.bigEndian)
        let addresses = padded(local.networkBytes) + padded(remote.networkBytes)
        let cookie =
            bytes(of: UInt32(truncatingIfNeeded: self.cookie))
            + bytes(of: UInt32(truncatingIfNeeded: self.cookie >> 32))
        var request = NetlinkRequest(
            type: destroy, isDump: false,
            payload: head + ports + addresses + bytes(of: UInt32(0)) + cookie)
        request.wantsAnswer = true
        _ = try channel.ask(request) { _ in true }
    }
}
