// What a TCP socket has from the MPTCP socket whose place it takes.

#ifndef SECCOMP_SUPERVISOR_CARRYING_H
#define SECCOMP_SUPERVISOR_CARRYING_H

#include "server.h"

/// Whether it has everything. `was_exclusive`: both share the address now, and `from` did not
/// allow that before.
bool carrying_all(const struct shared *shared, int from, uint64_t inode, int to,
                  bool *was_exclusive);

/// Sets SO_REUSEADDR.
bool carrying_share(int fd, int on);

#endif
