// accept and accept4 together: they differ in one argument.

#include "plain.h"
#include "record.h"
#include "stalls.h"
#include "state.h"

// Behind a call, for which nothing is kept across it.
__attribute__((noinline)) static int made(int fd) {
  return state() & STATE_STALLS ? stalls_accepted(fd) : fd;
}

static inline int accepted(int fd) { return UNLIKELY(fd < 0) ? fd : made(fd); }

__attribute__((noinline)) static int accept_unusual(int fd, void *address, socklen_t *length) {
  bool wanted = recording();
  plain_connecting();
  int connection = accepted(next.accept(fd, address, length));
  if (wanted && connection >= 0) record_accepted(connection);
  return connection;
}

INTERPOSED int accept(int fd, void *address, socklen_t *length) {
  return quiet() ? accepted(next.accept(fd, address, length)) : accept_unusual(fd, address, length);
}

__attribute__((noinline)) static int accept4_unusual(int fd, void *address, socklen_t *length,
                                                     int flags) {
  bool wanted = recording();
  plain_connecting();
  int connection = accepted(next.accept4(fd, address, length, flags));
  if (wanted && connection >= 0) record_accepted(connection);
  return connection;
}

INTERPOSED int accept4(int fd, void *address, socklen_t *length, int flags) {
  return quiet() ? accepted(next.accept4(fd, address, length, flags))
                 : accept4_unusual(fd, address, length, flags);
}
