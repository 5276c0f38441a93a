#include "remedies.h"
#include "state.h"

INTERPOSED int setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
  if (UNLIKELY(!remedies_is_plain(remedies_settable, level, name))) {
    return remedies_set(fd, level, name, value, length);
  }
  return next.setsockopt(fd, level, name, value, length);
}
