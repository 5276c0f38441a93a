// Decides what to upgrade, when not to try an upgrade again, and what a socket
// really is. Pure: no global state, no system call of its own.

#ifndef MPTCPIZE_SOCKET_POLICY_H
#define MPTCPIZE_SOCKET_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ConnectionPolicy.h"
#include "SeccompFilter.h"
#include "SocketOptions.h"

/// IPPROTO_MPTCP, linux/in.h.
#define MPTCPIZE_IPPROTO_MPTCP 262

/// The protocol by which the preload library asks for plain TCP where the BPF program would
/// answer with MPTCP again: for the socket that takes a demoted one's place. It is none of the
/// kernel's, which end at IPPROTO_MAX (linux/in.h): without that program socket() fails.
#define MPTCPIZE_PLAIN_TCP 0x4d70

/// Whether socket(family, type, protocol) asks for TCP, and so may be answered
/// with MPTCP. `type` may carry SOCK_CLOEXEC and SOCK_NONBLOCK.
/// Inline: this is all that a socket() of another kind pays.
static inline bool mptcpize_asks_for_tcp(int family, int type, int protocol) {
  enum { INET = 2, INET6 = 10, STREAM = 1, TYPE_MASK = 0xf, TCP = 6 };  // include/linux/net.h
  // The families differ in one bit: no more than one branch for both questions.
  unsigned int other = ((unsigned int)type - STREAM) & TYPE_MASK;
  other |= ((unsigned int)family - INET) & ~(unsigned int)(INET6 - INET);
  return !other && (__builtin_expect(protocol == 0, 1) || protocol == TCP);
}

/// Whether a refusal of IPPROTO_MPTCP with this errno holds until reboot, for
/// this address family: EINVAL (Linux < 5.6) and EPROTONOSUPPORT (not built in,
/// or AF_INET6 without CONFIG_MPTCP_IPV6). ENOPROTOOPT (net.mptcp.enabled=0 in
/// this network namespace), EPERM and EACCES (seccomp, an LSM) can change any moment.
bool mptcpize_refusal_is_permanent(int error);

/// Stands for an errno of socket() in records (EXDEV): MPTCP was not refused, but what a cgroup's
/// program sets on each socket would not reach all subflows.
#define MPTCPIZE_REFUSED_FOR_CGROUP 18

/// Stands for an errno of socket() in records (EPROTOTYPE): the program hands its sockets to the
/// kernel, which takes TCP only.
#define MPTCPIZE_REFUSED_BY_KERNEL_USER 91

/// Stands for an errno of socket() in records (ECANCELED): by the rules, nothing of this program is
/// to be MPTCP.
#define MPTCPIZE_REFUSED_BY_POLICY 125

/// What in the kernel takes the sockets of the program of this name (its first 15 characters, as
/// the kernel keeps it), and insists on TCP: "nbd"; NULL for most.
const char *mptcpize_kernel_user(const char *program);

/// getsockopt(2) and ioctl(2) as the caller makes them: the result, or a negative errno.
struct mptcpize_kernel {
  long (*getsockopt)(int fd, int level, int name, void *value, uint32_t *length);
  long (*ioctl)(int fd, unsigned long request, void *argument);
};

/// What the kernel says of a socket at this moment.
struct mptcpize_answer {
  uint8_t wire;             ///< enum mptcpize_wire of SocketEvents.h
  uint16_t protocol;        ///< SO_PROTOCOL; 0: not a socket, or not an internet stream socket
  uint32_t subflows;        ///< paths, the first one included; 0: not known (any more)
  uint64_t bytes_sent;      ///< taken from the program; MPTCPIZE_BYTES_UNKNOWN: not told
  uint64_t bytes_received;  ///< arrived in order; MPTCPIZE_BYTES_UNKNOWN: not told
};

/// Asks the kernel what a socket is on the wire. Never guesses: what cannot be
/// told is MPTCPIZE_WIRE_UNKNOWN. True for a TCP or MPTCP socket.
bool mptcpize_wire_answer(int fd, const struct mptcpize_kernel *kernel,
                          struct mptcpize_answer *answer);

#endif
