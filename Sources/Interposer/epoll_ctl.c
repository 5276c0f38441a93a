#include "fresh.h"
#include "state.h"
#include "unread.h"

INTERPOSED int epoll_ctl(int set, int operation, int fd, struct epoll_registration *event) {
  uint32_t flags = state();
  if (UNLIKELY(flags & STATE_POLICY)) fresh_registering(set, fd, event);
  int result = next.epoll_ctl(set, operation, fd, event);
  if (result == 0 && operation != EPOLL_CTL_DEL) unread_registered(fd, event->events);
  if (UNLIKELY(flags & STATE_POLICY) && result == 0) fresh_registered(set, operation, fd, event);
  return result;
}
