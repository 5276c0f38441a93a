#include "plain.h"
#include "remedies.h"
#include "state.h"

INTERPOSED int setsockopt(int fd, unsigned long level, unsigned long name, const void *value,
                          socklen_t length) {
  if (plain_has(plain_settable, level, name)) {
    return next.setsockopt(fd, (int)level, (int)name, value, length);
  }
  return remedies_set(fd, (int)level, (int)name, value, length);
}

#if HAS_TIME64_NAMES
ALSO_CALLED(int, __setsockopt64, "setsockopt",
            (int fd, unsigned long level, unsigned long name, const void *value, socklen_t length));
#endif
