// ioctl and sockatmark: SIOCATMARK is the one request that MPTCP lacks, and FIONREAD (SIOCINQ) one
// that it answers differently.

#include <stdarg.h>

#include "SocketOptions.h"
#include "fresh.h"
#include "record.h"
#include "remedies.h"
#include "state.h"
#include "unread.h"

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
  if (result >= 0 || !remedies_answers_mark(fd)) return result;
  // The kernel writes any number there, so that it says whether one can be written.
  socklen_t length = sizeof *argument;
  long written = kernel_getsockopt(fd, SOL_SOCKET, SO_DOMAIN, argument, &length);
  if (written < 0) return (int)kernel_result(written);
  *argument = 0;
  told(fd);
  errno_set(before);
  return 0;
}

__attribute__((noinline)) static int count_unread(ioctl_function *next_ioctl, int fd,
                                                  unsigned long request, int32_t *argument) {
  int result = next_ioctl(fd, request, argument);
  if (result >= 0) unread_counted(fd, argument);
  return result;
}

// musl declares the request as an int: the upper half is anything.
static bool is_request(unsigned long request, uint32_t wanted) {
  return (uint32_t)request == wanted;
}

// The requests by which a socket gets an owner for its signals; asm-generic/ioctls.h, sockios.h.
enum { FIOASYNC = 0x5452, FIOSETOWN = 0x8901, SIOCSPGRP = 0x8902 };

static void look(int fd, unsigned long request) {
  if (is_request(request, FIOASYNC) || is_request(request, FIOSETOWN) ||
      is_request(request, SIOCSPGRP)) {
    fresh_forget(fd);
  }
}

INTERPOSED int ioctl(int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void *argument = va_arg(list, void *);
  va_end(list);
  if (UNLIKELY(state() & STATE_POLICY)) look(fd, request);
  if (UNLIKELY(is_request(request, FIOASYNC))) unread_signalled();
  if (UNLIKELY(is_request(request, SIOCATMARK))) {
    return at_mark(next.ioctl, fd, request, argument);
  }
  if (UNLIKELY(is_request(request, FIONREAD))) {
    return count_unread(next.ioctl, fd, request, argument);
  }
  return next.ioctl(fd, request, argument);
}

#if HAS_TIME64_NAMES
INTERPOSED int __ioctl_time64(int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void *argument = va_arg(list, void *);
  va_end(list);
  if (UNLIKELY(state() & STATE_POLICY)) look(fd, request);
  if (UNLIKELY(is_request(request, FIOASYNC))) unread_signalled();
  if (is_request(request, SIOCATMARK)) {
    return at_mark(next.__ioctl_time64, fd, request, argument);
  }
  if (is_request(request, FIONREAD)) {
    return count_unread(next.__ioctl_time64, fd, request, argument);
  }
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
