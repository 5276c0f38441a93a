// The beginning and the end of a program image: the constructor, the destructor, and the ways to
// end that run no destructors. It is on the top floor, because it calls all other parts.

#include "cork.h"
#include "record.h"
#include "state.h"

static void end(void) {
  cork_release_range(0, ~0u);
  if (recording()) record_process_ending();
}

__attribute__((constructor)) static void image_begins(void) {
  if (recording()) record_image_started();
}

__attribute__((destructor)) static void image_ends(void) { end(); }

INTERPOSED _Noreturn void _exit(int status) {
  end();
  next._exit(status);
  __builtin_unreachable();
}

INTERPOSED _Noreturn void _Exit(int status) {
  end();
  next._Exit(status);
  __builtin_unreachable();
}

INTERPOSED _Noreturn void quick_exit(int status) {
  end();
  next.quick_exit(status);
  __builtin_unreachable();
}
