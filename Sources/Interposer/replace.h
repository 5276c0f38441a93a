// Replaces an MPTCP socket by a plain TCP one, under the same numbers.

#ifndef MPTCPIZE_REPLACE_H
#define MPTCPIZE_REPLACE_H

#include "SocketOptions.h"

enum { REPLACE_DONE = 0, REPLACE_FAILED = -1 };

/// A new TCP socket, also where a BPF program makes MPTCP of what asks for it.
int replace_plain_socket(int64_t family);

/// Puts a TCP socket that is all that the MPTCP socket was (options, flags, bound address, epoll
/// registrations) in its place, under each of its numbers. Only a socket that is neither connected
/// nor connecting nor listening, nor ever was, can be replaced; and one of several numbers only
/// while no other thread can give one of them away. `setting`, or null, is an option that the TCP
/// socket has set as well; what was kept of others it has in any case.
///
/// REPLACE_DONE; or REPLACE_FAILED: all is as it was; or the errno with which TCP refuses the
/// setting too: all is as it was.
int replace_with_tcp(int fd, const struct mptcpize_setting *setting);

/// Another reason than an option.
struct replace_reason {
  /// Asks the TCP socket, which is all that the old one is, before anything is changed: 0, or the
  /// errno for which nothing is to be. Null: there is no question.
  int (*ask)(int socket, void *context);
  /// Is called for each number of the socket once the TCP socket is in its place, if there is a
  /// ring.
  void (*record)(int fd, void *context);
  void *context;
};

/// The same for it.
int replace_with_tcp_because(int fd, const struct replace_reason *reason);

/// listen(2), for a socket whose address its predecessor may still hold in another process.
int replace_listen(int fd, int backlog);

#endif
