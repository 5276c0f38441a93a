// TCP_CORK. On an MPTCP socket, the kernel keeps the rest of the data of a corked or just uncorked
// socket until a timer (200 ms; 40 ms, the peer's delayed acknowledgement). TCP pushes it at once
// on uncorking, on shutdown and on close. Without the push, half of 1500 answers of up to 30 KB
// over a link with an MTU of 1500 were 40 ms late (Linux 6.18), over one path or two; none were
// over loopback.

#ifndef MPTCPIZE_CORK_H
#define MPTCPIZE_CORK_H

#include "kernel.h"

/// The program has set TCP_CORK to this value, with success.
void cork_set(int fd, bool corked);

/// Whether the descriptor was corked, as far as this process knows.
bool cork_is_set(int fd);

/// The number may be another socket's from now on, or the program has set TCP_NODELAY.
void cork_renew(int fd);

/// The descriptor is about to be shut down for sending: what it holds back is sent.
void cork_shutdown(int fd);

/// The descriptor is about to be closed: the same, unless another process has corked it.
void cork_release(int fd);

/// The same for all descriptors from `first` to `last`.
void cork_release_range(unsigned int first, unsigned int last);

#endif
