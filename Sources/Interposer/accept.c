// accept and accept4 together: they differ in one argument.

#include "plain.h"
#include "record.h"
#include "state.h"

__attribute__((noinline)) static int accept_unusual(int fd, void *address, socklen_t *length) {
  bool wanted = recording();
  plain_connecting();
  int accepted = next.accept(fd, address, length);
  if (wanted && accepted >= 0) record_accepted(accepted);
  return accepted;
}

INTERPOSED int accept(int fd, void *address, socklen_t *length) {
  return quiet() ? next.accept(fd, address, length) : accept_unusual(fd, address, length);
}

__attribute__((noinline)) static int accept4_unusual(int fd, void *address, socklen_t *length,
                                                     int flags) {
  bool wanted = recording();
  plain_connecting();
  int accepted = next.accept4(fd, address, length, flags);
  if (wanted && accepted >= 0) record_accepted(accepted);
  return accepted;
}

INTERPOSED int accept4(int fd, void *address, socklen_t *length, int flags) {
  return quiet() ? next.accept4(fd, address, length, flags)
                 : accept4_unusual(fd, address, length, flags);
}
