// ioctl and sockatmark together: SIOCATMARK is the one request that MPTCP lacks.

#include <stdarg.h>

#include "record.h"
#include "remedies.h"
#include "state.h"

static void told(int fd) {
  if (recording()) {
    record_remedied(fd, MPTCPIZE_LEVEL_IOCTL, SIOCATMARK, MPTCPIZE_ADJUST, ENOTTY);
  }
}

__attribute__((noinline)) static int at_mark(int fd, unsigned long request, int32_t *argument) {
  state();
  int before = errno_get();
  int result = next.ioctl(fd, request, argument);
  if (result >= 0 || !argument || !remedies_answers_mark(fd)) return result;
  *argument = 0;
  told(fd);
  errno_set(before);
  return 0;
}

INTERPOSED int ioctl(int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void *argument = va_arg(list, void *);
  va_end(list);
  // musl declares the request as an int: the upper half is anything.
  if (UNLIKELY((uint32_t)request == SIOCATMARK)) return at_mark(fd, request, argument);
  state();
  return next.ioctl(fd, request, argument);
}

INTERPOSED int sockatmark(int fd) {
  state();
  int before = errno_get();
  int result = next.sockatmark(fd);
  if (result >= 0 || !remedies_answers_mark(fd)) return result;
  told(fd);
  errno_set(before);
  return 0;
}
