// Prevents MPTCP connections from standing still for 200 ms or more on kernels with this fault, as
// far as a supervisor can. It does nothing in strict mode.

#ifndef SECCOMP_SUPERVISOR_STALLS_H
#define SECCOMP_SUPERVISOR_STALLS_H

#include "target.h"

/// A new MPTCP socket is about to be the caller's.
void stalls_made(const struct server *server, int socket);

/// The caller sets or reads an option of this socket, which may be a connection by now.
void stalls_seen(const struct server *server, const struct target *target);

/// The caller asks for the address of a socket, which may be a connection.
void stalls_call(struct caller *caller, const struct call *call);

/// SO_RCVBUF is set. Whether the kernel is to choose the size instead; `shown` is what TCP would
/// show then.
bool stalls_choose_buffer(const struct caller *caller, const struct target *target, int32_t asked,
                          int32_t *shown);

/// Whether this value of an option is ours, or comes of it; `shown` is what TCP would show.
bool stalls_hides(const struct caller *caller, const struct target *target, const struct call *call,
                  int32_t found, int32_t *shown);

#endif
