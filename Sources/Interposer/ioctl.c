// ioctl and sockatmark together: SIOCATMARK is the one request that MPTCP lacks.

#include <stdarg.h>

#include "SocketOptions.h"
#include "record.h"
#include "remedies.h"
#include "state.h"

static void told(int fd) {
  if (recording()) {
    record_remedied(fd, MPTCPIZE_LEVEL_IOCTL, SIOCATMARK, MPTCPIZE_ADJUST, ENOTTY);
  }
}

typedef int ioctl_function(int fd, unsigned long request, ...);

__attribute__((noinline)) static int at_mark(ioctl_function *next_ioctl, int fd,
                                             unsigned long request, int32_t *argument) {
  int before = errno_get();
  int result = next_ioctl(fd, request, argument);
  if (result >= 0 || !argument || !remedies_answers_mark(fd)) return result;
  *argument = 0;
  told(fd);
  errno_set(before);
  return 0;
}

// musl declares the request as an int: the upper half is anything.
static bool asks_for_mark(unsigned long request) { return (uint32_t)request == SIOCATMARK; }

INTERPOSED int ioctl(int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void *argument = va_arg(list, void *);
  va_end(list);
  state();
  if (UNLIKELY(asks_for_mark(request))) return at_mark(next.ioctl, fd, request, argument);
  return next.ioctl(fd, request, argument);
}

#if HAS_TIME64_NAMES
INTERPOSED int __ioctl_time64(int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void *argument = va_arg(list, void *);
  va_end(list);
  state();
  if (asks_for_mark(request)) return at_mark(next.__ioctl_time64, fd, request, argument);
  return next.__ioctl_time64(fd, request, argument);
}
#endif

INTERPOSED int sockatmark(int fd) {
  state();
  int before = errno_get();
  int result = next.sockatmark(fd);
  if (result >= 0 || !remedies_answers_mark(fd)) return result;
  told(fd);
  errno_set(before);
  return 0;
}
