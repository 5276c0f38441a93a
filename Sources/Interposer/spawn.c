// posix_spawn(3), which calls libc's own execve. It is interposed to see programs that the library
// will not reach. They are recorded when the program runs, because a failure starts none.

#include "record.h"
#include "state.h"
#include "unreached.h"

INTERPOSED int posix_spawn(int32_t *pid, const char *path, const void *actions,
                           const void *attributes, char *const *arguments, char *const *variables) {
  if (!recording()) return next.posix_spawn(pid, path, actions, attributes, arguments, variables);
  int32_t child = 0;
  int error = next.posix_spawn(&child, path, actions, attributes, arguments, variables);
  if (error) return error;
  if (pid) *pid = child;
  unreached_by_path(child, path, variables);
  return 0;
}

INTERPOSED int posix_spawnp(int32_t *pid, const char *file, const void *actions,
                            const void *attributes, char *const *arguments,
                            char *const *variables) {
  if (!recording()) return next.posix_spawnp(pid, file, actions, attributes, arguments, variables);
  int32_t child = 0;
  int error = next.posix_spawnp(&child, file, actions, attributes, arguments, variables);
  if (error) return error;
  if (pid) *pid = child;
  unreached_by_name(child, file, variables);
  return 0;
}
