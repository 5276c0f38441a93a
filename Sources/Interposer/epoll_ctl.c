#include "fresh.h"
#include "state.h"

INTERPOSED int epoll_ctl(int set, int operation, int fd, struct epoll_registration *event) {
  uint32_t flags = state();
  if (UNLIKELY(flags & STATE_POLICY)) fresh_registering(set, fd, event);
  int result = next.epoll_ctl(set, operation, fd, event);
  if (UNLIKELY(flags & STATE_POLICY) && result == 0) fresh_registered(set, operation, fd, event);
  return result;
}
