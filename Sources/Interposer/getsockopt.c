#include "plain.h"
#include "protocol.h"
#include "remedies.h"
#include "state.h"
#include "tcp_info.h"

INTERPOSED int getsockopt(int fd, unsigned long level, unsigned long name, void *value,
                          socklen_t *length) {
  if (plain_has(plain_readable, level, name)) {
    return next.getsockopt(fd, (int)level, (int)name, value, length);
  }
  if (level == IPPROTO_TCP && name == TCP_INFO) return tcp_info_get(fd, value, length);
  if (level == SOL_SOCKET && name == SO_PROTOCOL) return protocol_get(fd, value, length);
  return remedies_get(fd, (int)level, (int)name, value, length);
}

#if HAS_TIME64_NAMES
ALSO_CALLED(int, __getsockopt64, "getsockopt",
            (int fd, unsigned long level, unsigned long name, void *value, socklen_t *length));
#endif
