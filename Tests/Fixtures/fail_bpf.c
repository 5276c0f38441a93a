// Preloaded: has bpf(2) fail with ERRNO for the command COMMAND of enum bpf_cmd, where
// FAIL_BPF=COMMAND:ERRNO is in the environment, and mount(2) with EPERM for FAIL_MOUNT.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>

long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long words[6];
  for (int i = 0; i < 6; i++) words[i] = va_arg(list, long);
  va_end(list);
  const char *wanted = getenv("FAIL_BPF");
  int command, error;
  if (number == SYS_bpf && wanted && sscanf(wanted, "%d:%d", &command, &error) == 2 &&
      words[0] == command) {
    errno = error;
    return -1;
  }
  long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  return next(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

int mount(const char *source, const char *target, const char *type, unsigned long flags,
          const void *data) {
  if (getenv("FAIL_MOUNT")) {
    errno = EPERM;
    return -1;
  }
  int (*next)(const char *, const char *, const char *, unsigned long, const void *) =
      (int (*)(const char *, const char *, const char *, unsigned long, const void *))dlsym(
          RTLD_NEXT, "mount");
  return next(source, target, type, flags, data);
}
