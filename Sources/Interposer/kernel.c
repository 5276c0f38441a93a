#include "kernel.h"

#include "libc.h"

long kernel_result(long result) {
  if (result >= 0 || result < -4095) return result;
  errno_set((int)-result);
  return -1;
}

bool kernel_is_file(int fd, const struct kernel_file *file) {
  struct kernel_file found;
  return kernel_get_file(fd, &found) == 0 && found.device == file->device &&
         found.inode == file->inode;
}

void kernel_close(int fd) {
  long result = syscall1(SYS_close, fd);
  if (result < 0 && result != -EBADF) syscall1(SYS_close, fd);
}

bool kernel_may_close(void) { return syscall1(SYS_close, -1) == -EBADF; }

enum { SIG_SETMASK = 2 };

bool kernel_hold_signals(uint64_t *before) {
  enum { SIGILL = 4, SIGTRAP = 5, SIGBUS = 7, SIGFPE = 8, SIGSEGV = 11, SIGSYS = 31 };
  static const uint8_t faults[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
  uint64_t mask = UINT64_MAX;
  for (size_t i = 0; i < sizeof faults; i++) mask &= ~(UINT64_C(1) << (faults[i] - 1));
  return syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, (long)before, sizeof mask) >= 0;
}

void kernel_release_signals(uint64_t before) {
  long result = -1;
  for (int i = 0; result < 0 && i < 2; i++) {
    result = syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof before);
  }
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
