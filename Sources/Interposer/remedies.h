// What is done when the kernel refuses a socket option because the socket is MPTCP.

#ifndef MPTCPIZE_REMEDIES_H
#define MPTCPIZE_REMEDIES_H

#include "kernel.h"

/// setsockopt, with remedies.
int remedies_set(int fd, int level, int number, const void *value, socklen_t length);

/// getsockopt, with remedies.
int remedies_get(int fd, int level, int number, void *value, socklen_t *length);

/// Whether an ioctl that failed with ENOTTY asked an MPTCP socket for the urgent mark,
/// of which it has none.
bool remedies_answers_mark(int fd);

#endif
