#define _GNU_SOURCE
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// One number on every architecture, linux/syscall tables; older headers lack them.
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

#include "CLinux.h"

int clinux_ioctl_int(int fd, unsigned long request, int *argument) {
  return ioctl(fd, request, argument);
}

bool clinux_wait_signal(const sigset_t *signals, int milliseconds, struct clinux_signal *signal) {
  struct timespec timeout = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
  siginfo_t info;
  if (sigtimedwait(signals, &info, &timeout) < 0) return false;
  *signal = (struct clinux_signal){.number = info.si_signo, .code = info.si_code};
  if (info.si_code == SI_USER || info.si_code == SI_QUEUE || info.si_code == SI_TKILL) {
    signal->sender = info.si_pid;
    signal->value = info.si_value;
  }
  return true;
}

bool clinux_ignores(int signal) {
  struct sigaction action;
  return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int clinux_sigrtmin(void) { return SIGRTMIN; }

int clinux_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int clinux_pidfd_getfd(int pidfd, int fd) { return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0); }

int clinux_close_range(unsigned int first, unsigned int last) {
  return (int)syscall(SYS_close_range, first, last, 0);
}

int clinux_set_not_dumpable(void) { return prctl(PR_SET_DUMPABLE, 0); }

long clinux_getsockopt(int fd, int level, int name, void *value, uint32_t *length) {
  long result = getsockopt(fd, level, name, value, length);
  return result < 0 ? -errno : result;
}

long clinux_ioctl(int fd, unsigned long request, void *argument) {
  long result = ioctl(fd, request, argument);
  return result < 0 ? -errno : result;
}

int clinux_no_new_privileges(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); }

bool clinux_contains(const void *all, size_t size, const void *part, size_t part_size) {
  return memmem(all, size, part, part_size) != NULL;
}
