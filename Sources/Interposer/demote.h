// Replaces an MPTCP socket by a plain TCP one, under the same numbers.

#ifndef MPTCPIZE_DEMOTE_H
#define MPTCPIZE_DEMOTE_H

#include "kernel.h"

/// Whether the socket is neither connected nor connecting nor listening, nor ever was.
bool demote_is_possible(int fd);

/// What became of an attempt.
enum demote_result {
  DEMOTE_DONE,     ///< the descriptor is a TCP socket, with this and every earlier option set
  DEMOTE_REFUSED,  ///< TCP refuses the option too, with `*error`; nothing has changed
  DEMOTE_FAILED,   ///< it could not be replaced; nothing has changed
};

/// Sets the option on a new TCP socket, gives it all that the old one has (options,
/// flags, bound address, epoll registrations), and puts it in its place at once. `refusal`:
/// what the kernel said of the option, for the record.
enum demote_result demote(int fd, int level, int name, const void *value, socklen_t length,
                          int refusal, int *error);

#endif
