#include "record.h"
#include "state.h"

INTERPOSED int connect(int fd, const void *address, socklen_t length) {
  if (!recording()) return next.connect(fd, address, length);
  int before = errno_get();
  int result = next.connect(fd, address, length);
  int after = errno_get();
  errno_set(before);
  record_connecting(fd, address, length, result < 0 ? after : 0);
  errno_set(after);
  return result;
}
