// prctl and syscall: programs that confine themselves with seccomp(2) may be killed for
// any call that their filter does not foresee, and no filter foresees ours (sshd's allows
// close, but not getsockopt). From then on nothing is recorded. A filter that was there
// before the program began, as containers have it, is not seen and does no harm.

#include <stdarg.h>

#include "cork.h"
#include "record.h"
#include "state.h"

enum { PR_SET_SECCOMP = 22 };                                       // include/uapi/linux/prctl.h
enum { SECCOMP_SET_MODE_STRICT = 0, SECCOMP_SET_MODE_FILTER = 1 };  // linux/seccomp.h

static long confined_if(bool is_confining, long result) {
  if (is_confining && result >= 0) state_stop_recording();
  return result;
}

INTERPOSED int prctl(int option, ...) {
  va_list list;
  va_start(list, option);
  unsigned long arguments[4];
  for (int i = 0; i < 4; i++) arguments[i] = va_arg(list, unsigned long);
  va_end(list);
  state();
  return (int)confined_if(option == PR_SET_SECCOMP, next.prctl(option, arguments[0], arguments[1],
                                                               arguments[2], arguments[3]));
}

// libseccomp confines by it; libuv (node) closes by it, to be no cancellation point.
INTERPOSED long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (int i = 0; i < 6; i++) arguments[i] = va_arg(list, long);
  va_end(list);
  state();
  if (number == SYS_close && !quiet_end()) {
    int fd = (int)arguments[0];
    cork_release(fd);
    if (recording()) record_closing(fd, MPTCPIZE_CAUSE_CLOSE);
  }
  bool is_confining = number == SYS_seccomp && (arguments[0] == SECCOMP_SET_MODE_STRICT ||
                                                arguments[0] == SECCOMP_SET_MODE_FILTER);
  return confined_if(is_confining, next.syscall(number, arguments[0], arguments[1], arguments[2],
                                                arguments[3], arguments[4], arguments[5]));
}
