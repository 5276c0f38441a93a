// Plain options: setting (reading) them is known to need nothing, and the next definition's result
// is the answer. The library learns them while the program runs: options that the kernel has once
// accepted on an MPTCP socket, and options that it accepts before connect, as long as the process
// has no connection.

#ifndef MPTCPIZE_PLAIN_H
#define MPTCPIZE_PLAIN_H

#include "SocketOptions.h"
#include "kernel.h"
#include "libc.h"

/// One bit for each level and option number below 64.
enum { PLAIN_LIMIT = 64, PLAIN_BITS = sizeof(unsigned long) * 8 };
typedef unsigned long plain_options[PLAIN_LIMIT][PLAIN_LIMIT / PLAIN_BITS];
INTERNAL plain_options plain_settable, plain_readable;

/// Those that the kernel takes before connect only, SO_REUSEADDR and its like; empty until it has
/// taken one of them.
INTERNAL plain_options plain_early;

// Whole registers, though the program passes ints: the upper halves need not be zero, but
// almost always are, and what is beyond the limit takes the long way in any case.
static inline bool plain_has(const plain_options options, unsigned long level,
                             unsigned long number) {
  if ((level | number) >= PLAIN_LIMIT) return false;
  const unsigned long *word = &options[level][number / PLAIN_BITS];
  return __atomic_load_n(word, __ATOMIC_RELAXED) >> number % PLAIN_BITS & 1;
}

/// The kernel has taken an option of this socket.
void plain_learn(int fd, const struct mptcpize_option *option);

/// That option, the only such one, is never plain again.
void plain_exclude(const struct mptcpize_option *option);

/// Each option that is set from now on is told to remedies_set once: what was set at all has to be
/// known (carry_note).
void plain_unlearn(void);

/// A socket is about to be connected: what the kernel takes until then needs a look again.
void plain_connecting(void);

#endif
