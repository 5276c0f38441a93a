#include "denied.h"
#include "fresh.h"
#include "state.h"

__attribute__((noinline)) static int bind_ruled(int fd, const void *address, socklen_t length) {
  if (state() & STATE_POLICY) fresh_settle(fd);
  return bind_permitted(fd, address, length);
}

INTERPOSED int bind(int fd, const void *address, socklen_t length) {
  uint32_t flags = __atomic_load_n(&state_flags, __ATOMIC_ACQUIRE);
  return UNLIKELY(flags & (STATE_UNREADY | STATE_POLICY)) ? bind_ruled(fd, address, length)
                                                          : bind_permitted(fd, address, length);
}
