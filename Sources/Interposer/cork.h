// TCP_CORK. The kernel keeps what is left in a corked MPTCP socket until a timer of 200 ms where
// TCP pushes it at once: on shutdown and on close. Uncorking pushes (Linux 6.1, 6.12, 6.18 and 7.2
// tried: no answer of 3000 with and without TCP_NODELAY was late).

#ifndef MPTCPIZE_CORK_H
#define MPTCPIZE_CORK_H

#include "kernel.h"

/// The program has set TCP_CORK to this value, with success.
void cork_set(int fd, bool corked);

/// Whether the descriptor was corked, as far as this process knows.
bool cork_is_set(int fd);

/// The descriptor is about to be shut down for sending: what it holds back is sent.
void cork_shutdown(int fd);

/// The descriptor is about to be closed: the same, unless another process has corked it.
void cork_release(int fd);

/// The same for all descriptors from `first` to `last`.
void cork_release_range(unsigned int first, unsigned int last);

#endif
