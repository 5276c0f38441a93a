// fcntl, by each of its names: it gives a socket another number, or an owner.

#include <stdarg.h>

#include "fresh.h"
#include "state.h"
#include "unread.h"

static void look(int fd, int command, long argument) {
  enum { F_DUPFD = 0, F_SETOWN = 8 };
  bool is_another = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
  bool is_owned = command == F_SETOWN || command == F_SETOWN_EX || command == F_SETSIG;
  if (is_another || is_owned || (command == F_SETFL && argument & O_ASYNC)) fresh_forget(fd);
}

#define FCNTL(name)                                                    \
  INTERPOSED int name(int fd, int command, ...) {                      \
    va_list list;                                                      \
    va_start(list, command);                                           \
    long argument = va_arg(list, long);                                \
    va_end(list);                                                      \
    if (UNLIKELY(state() & STATE_POLICY)) look(fd, command, argument); \
    if (command == F_SETFL && argument & O_ASYNC) unread_signalled();  \
    return next.name(fd, command, argument);                           \
  }

FCNTL(fcntl)
FCNTL(fcntl64)
#if HAS_TIME64_NAMES
FCNTL(__fcntl_time64)
#endif
