// bind, connect and listen, if a security module refuses to MPTCP what it allows to TCP, as
// Landlock is going to. This is handled like a refusal of socket().

#ifndef MPTCPIZE_DENIED_H
#define MPTCPIZE_DENIED_H

#include "kernel.h"
#include "next.h"
#include "replace.h"

/// The next definition has failed. If it was with EACCES or EPERM, the socket is an MPTCP socket
/// that the program did not ask for, and TCP is not denied the same, then plain TCP takes its
/// place, and the answer is TCP's. If TCP is denied it, the errno is TCP's and the socket stays.
int denied_bind(const struct address_call *at);
int denied_connect(const struct address_call *at);
int denied_listen(int fd, int backlog);

/// The same of a send with MSG_FASTOPEN, which connects: 0 where TCP is connected now, and the data
/// has yet to be sent. Nothing of it is in the SYN.
int denied_first_send(int fd, const void *address, socklen_t length);

#define PERMITTED(name, fd, address, length)                                     \
  ({                                                                             \
    struct address_call call = {fd, length, address};                            \
    __asm__("" : : "m"(call)); /* or the compiler keeps it in saved registers */ \
    int result = next.name(fd, address, length);                                 \
    __builtin_expect(result < 0, false) ? denied_##name(&call) : result;         \
  })

/// The next definition of bind, and the above.
static inline int bind_permitted(int fd, const void *address, socklen_t length) {
  return PERMITTED(bind, fd, address, length);
}

/// The same of connect.
static inline int connect_permitted(int fd, const void *address, socklen_t length) {
  return PERMITTED(connect, fd, address, length);
}

/// The same of listen.
static inline int listen_permitted(int fd, int backlog) {
  int result = replace_listen(fd, backlog);
  return __builtin_expect(result < 0, false) ? denied_listen(fd, backlog) : result;
}

#endif
