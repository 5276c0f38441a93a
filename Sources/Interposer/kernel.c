#include "kernel.h"

#include "libc.h"

long kernel_result(long result) {
  if (result >= 0 || result < -4095) return result;
  errno_set((int)-result);
  return -1;
}

bool kernel_is_unconnected(int fd) {
  UNASKED(may_ask, UNASKED_REPLACEMENT);
  if (!may_ask) return false;
  // A fresh socket, bound or not, is the only one that shows exactly these two.
  enum { FRESH = POLLOUT | POLLHUP };
  struct poll_request request = {fd, POLLIN | POLLPRI | POLLOUT | POLLRDHUP, 0};
  struct kernel_timespec at_once = {0, 0};
  long ready = syscall5(SYS_ppoll, (long)&request, 1, (long)&at_once, 0, 8);
  return ready == 1 && request.revents == FRESH;
}
