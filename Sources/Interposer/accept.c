// accept and accept4 together: they differ in one argument.

#include "record.h"
#include "state.h"

INTERPOSED int accept(int fd, void *address, socklen_t *length) {
  if (!recording()) return next.accept(fd, address, length);
  int accepted = next.accept(fd, address, length);
  if (accepted >= 0) record_accepted(accepted);
  return accepted;
}

INTERPOSED int accept4(int fd, void *address, socklen_t *length, int flags) {
  if (!recording()) return next.accept4(fd, address, length, flags);
  int accepted = next.accept4(fd, address, length, flags);
  if (accepted >= 0) record_accepted(accepted);
  return accepted;
}
