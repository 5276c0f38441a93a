// What is done when the kernel refuses a socket option because the socket is MPTCP.

#ifndef MPTCPIZE_REMEDIES_H
#define MPTCPIZE_REMEDIES_H

#include "SocketPolicy.h"
#include "kernel.h"
#include "libc.h"

/// One bit for each level and option number below 64: setting (reading) it is known to
/// need nothing, and the next definition's result is the answer. Learned while the
/// program runs: what the kernel has taken once on an MPTCP socket.
enum { REMEDIES_LIMIT = 64, REMEDIES_BITS = sizeof(unsigned long) * 8 };
typedef unsigned long remedies_plain[REMEDIES_LIMIT][REMEDIES_LIMIT / REMEDIES_BITS];
INTERNAL remedies_plain remedies_settable, remedies_readable;

static inline bool remedies_is_plain(const remedies_plain options, int level, int number) {
  if (((unsigned int)level | (unsigned int)number) >= REMEDIES_LIMIT) return false;
  unsigned int at = (unsigned int)number;
  const unsigned long *word = &options[level][at / REMEDIES_BITS];
  return __atomic_load_n(word, __ATOMIC_RELAXED) >> at % REMEDIES_BITS & 1;
}

/// Fills in what every kernel takes.
void remedies_initialize(void);

/// setsockopt, with remedies.
int remedies_set(int fd, int level, int number, const void *value, socklen_t length);

/// getsockopt, with remedies.
int remedies_get(int fd, int level, int number, void *value, socklen_t *length);

/// Whether an ioctl that failed with ENOTTY asked an MPTCP socket for the urgent mark,
/// of which it has none.
bool remedies_answers_mark(int fd);

#endif
