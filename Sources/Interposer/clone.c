// clone, by which a program can share its descriptors with another process. The
// library does not replace sockets that another process may give away at any
// time. It does not look at threads, which the kernel counts.

#include <stdarg.h>

#include "state.h"

enum { CLONE_FILES = 0x400, CLONE_THREAD = 0x10000 };  // include/uapi/linux/sched.h

INTERPOSED int clone(int (*run)(void *), void *stack, int flags, void *argument, ...) {
  va_list list;
  va_start(list, argument);
  void *others[3];  // parent_tid, tls, child_tid, as far as the flags ask for them
  for (int i = 0; i < 3; i++) others[i] = va_arg(list, void *);
  va_end(list);
  state();
  if ((flags & (CLONE_FILES | CLONE_THREAD)) == CLONE_FILES) state_share();
  return next.clone(run, stack, flags, argument, others[0], others[1], others[2]);
}
