// What to upgrade, when an upgrade is not worth trying again, and what a socket
// really is. Pure: no global state, no system call of its own.

#ifndef MPTCPIZE_SOCKET_POLICY_H
#define MPTCPIZE_SOCKET_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// IPPROTO_MPTCP, linux/in.h.
#define MPTCPIZE_IPPROTO_MPTCP 262

/// Whether socket(family, type, protocol) asks for TCP, and so may be answered
/// with MPTCP. `type` may carry SOCK_CLOEXEC and SOCK_NONBLOCK.
bool mptcpize_asks_for_tcp(int family, int type, int protocol);

/// Whether a refusal of IPPROTO_MPTCP with this errno holds until reboot, for
/// this address family: EINVAL (Linux < 5.6) and EPROTONOSUPPORT (not built in,
/// or AF_INET6 without CONFIG_MPTCP_IPV6). ENOPROTOOPT (net.mptcp.enabled=0 in
/// this network namespace), EPERM and EACCES (seccomp, an LSM) can change any moment.
bool mptcpize_refusal_is_permanent(int error);

#endif
