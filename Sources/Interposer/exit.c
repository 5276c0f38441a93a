// The ways to end that run no destructors.

#include "cork.h"
#include "record.h"
#include "state.h"

static void process_ending(void) {
  cork_release_range(0, ~0u);
  if (recording()) record_process_ending();
}

INTERPOSED _Noreturn void _exit(int status) {
  process_ending();
  next._exit(status);
  __builtin_unreachable();
}

INTERPOSED _Noreturn void _Exit(int status) {
  process_ending();
  next._Exit(status);
  __builtin_unreachable();
}

INTERPOSED _Noreturn void quick_exit(int status) {
  process_ending();
  next.quick_exit(status);
  __builtin_unreachable();
}
