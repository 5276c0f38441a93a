#include "plain.h"
#include "remedies.h"
#include "state.h"

INTERPOSED int getsockopt(int fd, unsigned long level, unsigned long name, void *value,
                          socklen_t *length) {
  if (plain_has(plain_readable, level, name)) {
    return next.getsockopt(fd, (int)level, (int)name, value, length);
  }
  return remedies_get(fd, (int)level, (int)name, value, length);
}

#if HAS_TIME64_NAMES
ALSO_CALLED(int, __getsockopt64, "getsockopt",
            (int fd, unsigned long level, unsigned long name, void *value, socklen_t *length));
#endif
