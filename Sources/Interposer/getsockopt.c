#include "remedies.h"
#include "state.h"

INTERPOSED int getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
  if (UNLIKELY(!remedies_is_plain(remedies_readable, level, name))) {
    return remedies_get(fd, level, name, value, length);
  }
  return next.getsockopt(fd, level, name, value, length);
}
