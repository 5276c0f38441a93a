// What is done when the kernel refuses a socket option because the socket is MPTCP.

#ifndef MPTCPIZE_REMEDIES_H
#define MPTCPIZE_REMEDIES_H

#include "SocketPolicy.h"
#include "kernel.h"
#include "libc.h"

/// One bit for each level and option number below 64: setting (reading) it is known to
/// need nothing, and the next definition's result is the answer. Learned while the
/// program runs: what the kernel has taken once on an MPTCP socket, and what it takes
/// before connect, for as long as the process has no connection.
enum { REMEDIES_LIMIT = 64, REMEDIES_BITS = sizeof(unsigned long) * 8 };
typedef unsigned long remedies_plain[REMEDIES_LIMIT][REMEDIES_LIMIT / REMEDIES_BITS];
INTERNAL remedies_plain remedies_settable, remedies_readable;

// Whole registers, though the program passes ints: the upper halves need not be zero, but
// almost always are, and what is beyond the limit takes the long way in any case.
static inline bool remedies_is_plain(const remedies_plain options, unsigned long level,
                                     unsigned long number) {
  if ((level | number) >= REMEDIES_LIMIT) return false;
  const unsigned long *word = &options[level][number / REMEDIES_BITS];
  return __atomic_load_n(word, __ATOMIC_RELAXED) >> number % REMEDIES_BITS & 1;
}

/// Fills in what every kernel takes.
void remedies_initialize(void);

/// A socket is about to be connected: what the kernel takes until then needs a look again.
void remedies_connecting(void);

/// setsockopt, with remedies.
int remedies_set(int fd, int level, int number, const void *value, socklen_t length);

/// getsockopt, with remedies.
int remedies_get(int fd, int level, int number, void *value, socklen_t *length);

/// Whether an ioctl that failed with ENOTTY asked an MPTCP socket for the urgent mark,
/// of which it has none.
bool remedies_answers_mark(int fd);

#endif
