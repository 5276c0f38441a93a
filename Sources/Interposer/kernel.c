#include "kernel.h"

#include "libc.h"

long kernel_result(long result) {
  if (result >= 0 || result < -4095) return result;
  errno_set((int)-result);
  return -1;
}

int64_t kernel_get_int(int fd, int level, int name) {
  UNASKED(may_ask, UNASKED_QUESTIONS);
  if (!may_ask) return -EPERM;
  int32_t value = 0;
  socklen_t length = sizeof value;
  long result = kernel_getsockopt(fd, level, name, &value, &length);
  return result < 0 ? result : (int64_t)value;
}

uint64_t kernel_inode(int fd) {
  UNASKED(may_ask, UNASKED_QUESTIONS);
  if (!may_ask) return 0;
  uint64_t status[(STAT_SIZE + 7) / 8];
  return syscall2(SYS_fstat, fd, (long)status) < 0 ? 0 : status[STAT_INODE / 8];
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
