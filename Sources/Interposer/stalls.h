// Prevents MPTCP connections from standing still for 200 ms or more on kernels with this fault;
// stalls.c describes it. It does nothing in strict mode.

#ifndef MPTCPIZE_STALLS_H
#define MPTCPIZE_STALLS_H

#include "SocketOptions.h"
#include "state.h"

/// accept() is about to return this socket. Gives it back.
int stalls_accepted(int fd);

/// connect() has succeeded, or goes on.
void stalls_connected(int fd);

/// listen() has succeeded.
void stalls_listening(int fd);

/// Whether stalls are prevented on this MPTCP socket, or will be once it is connected.
bool stalls_prevented(int fd);

/// The program sets an option.
void stalls_note(int level, int number);

/// The number of the connection that was seen to last: a connect that fails may come again and
/// again, and needs no look at its errno. STALLS_NONE: it has been closed.
enum { STALLS_NONE = INT32_MIN };
INTERNAL int32_t stalls_last;

static inline bool stalls_is_last(int fd) {
  return __atomic_load_n(&stalls_last, __ATOMIC_RELAXED) == fd;
}

/// The same where the result of connect is 0, in one comparison: no two numbers differ in all bits.
static inline bool stalls_is_last_and(int fd, int result) {
  return result == (__atomic_load_n(&stalls_last, __ATOMIC_RELAXED) ^ fd);
}

/// Any number may be closed.
static inline void stalls_forget_last(void) {
  __atomic_store_n(&stalls_last, STALLS_NONE, __ATOMIC_RELAXED);
}

/// A number is about to be closed.
static inline void stalls_closing(int fd) {
  if (stalls_is_last(fd)) stalls_forget_last();
}

#endif
