#include "SocketPolicy.h"
#include "record.h"
#include "state.h"

static int plain(int family, int type, int protocol, int refusal) {
  int fd = next.socket(family, type, protocol);
  if (fd >= 0 && recording()) record_created(fd, family, protocol, IPPROTO_TCP, refusal);
  return fd;
}

static uint16_t *refusal_of(int family) {
  return family == AF_INET ? &state_refusal_inet : &state_refusal_inet6;
}

__attribute__((noinline)) static int refused(int family, int type, int protocol, int before) {
  int refusal = errno_get();
  errno_set(before);
  int fd = plain(family, type, protocol, refusal);
  // Only once TCP has worked: EINVAL may as well have come from flags that no
  // protocol takes.
  if (fd >= 0 && mptcpize_refusal_is_permanent(refusal)) {
    __atomic_store_n(refusal_of(family), (uint16_t)refusal, __ATOMIC_RELAXED);
  }
  return fd;
}

INTERPOSED int socket(int family, int type, int protocol) {
  uint32_t flags = state();
  if (!mptcpize_asks_for_tcp(family, type, protocol) || (flags & STATE_INERT)) {
    return next.socket(family, type, protocol);
  }
  int known = __atomic_load_n(refusal_of(family), __ATOMIC_RELAXED);
  if (UNLIKELY(known)) return plain(family, type, protocol, known);

  int before = errno_get();
  int fd = next.socket(family, type, MPTCPIZE_IPPROTO_MPTCP);
  if (UNLIKELY(fd < 0)) return refused(family, type, protocol, before);
  if (recording()) record_created(fd, family, protocol, MPTCPIZE_IPPROTO_MPTCP, 0);
  return fd;
}
