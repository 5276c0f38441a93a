// Fresh sockets: since socket(), they have only got options, flags and one epoll set. Plain TCP can
// take their place without a look at everything that the process has open. This is used only with
// rules, which may replace every connection of a program; other replacements are rare.

#ifndef MPTCPIZE_FRESH_H
#define MPTCPIZE_FRESH_H

#include "kernel.h"
#include "libc.h"

/// Not 0 where a socket may be TCP by expectation, or is going to be.
INTERNAL uint32_t fresh_expectation;

/// Whether it matters that the rules let a socket be MPTCP.
static inline bool fresh_is_expecting(void) {
  return __atomic_load_n(&fresh_expectation, __ATOMIC_RELAXED);
}

/// Whether the rules made TCP of the last sockets of the family that connected, without exception.
/// The next one may as well be TCP from the start: an MPTCP socket that is made in vain costs more
/// than all the rest of its replacement.
bool fresh_expects_tcp(int family);

/// socket() is about to return this socket: MPTCP, or TCP by expectation.
void fresh_made(int fd, int family, bool is_expected);

/// It is about to get what an MPTCP socket may not take over from TCP: an address, an option. One
/// that is TCP by expectation becomes MPTCP first.
void fresh_settle(int fd);

/// The same, and it is not fresh any more: it is about to have another number, or an owner for its
/// signals; or the rules let it be MPTCP.
void fresh_forget(int fd);

/// Something is about to happen to a socket of which it is not known which, or it leaves the
/// process in a message, and can come back: none is fresh any more.
void fresh_forget_all(void);

/// epoll_ctl is about to be called with what only the kernel knows how to undo.
void fresh_registering(int epoll, int fd, const struct epoll_registration *event);

/// epoll_ctl has succeeded.
void fresh_registered(int epoll, int operation, int fd, const struct epoll_registration *event);

/// Puts a TCP socket in its place, as replace_with_tcp does, if it is not one by expectation; not
/// fresh afterwards in any case. False: it was not, or something was refused, and all is as it was.
bool fresh_replace(int fd);

#endif
