#define _GNU_SOURCE
#include "errand.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

struct errand {
  void (*go)(void *argument);
  void *argument;
};

static int run(void *argument) {
  const struct errand *errand = argument;
  errand->go(errand->argument);
  _exit(0);
}

bool errand_run(void (*go)(void *argument), void *argument, bool shares_descriptors) {
  // Not static: memory that is zero at first is a mapping more, which each start pays for.
  char stack[65536] __attribute__((aligned(16)));
  struct errand errand = {go, argument};
  int flags = CLONE_VM | CLONE_VFORK | (shares_descriptors ? CLONE_FILES : 0);
  pid_t child = clone(run, stack + sizeof stack, flags, &errand);
  // The worker waits for children of its own kind only where it has been told of one.
  return child > 0 && waitpid(child, NULL, __WALL) == child;
}
