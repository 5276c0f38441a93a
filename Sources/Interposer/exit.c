// The ways to end that run no destructors.

#include "record.h"
#include "state.h"

INTERPOSED _Noreturn void _exit(int status) {
  if (recording()) record_process_ending();
  next._exit(status);
  __builtin_unreachable();
}

INTERPOSED _Noreturn void _Exit(int status) {
  if (recording()) record_process_ending();
  next._Exit(status);
  __builtin_unreachable();
}

INTERPOSED _Noreturn void quick_exit(int status) {
  if (recording()) record_process_ending();
  next.quick_exit(status);
  __builtin_unreachable();
}
