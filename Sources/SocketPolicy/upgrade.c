#include "SocketPolicy.h"

enum {
  AF_INET = 2,
  AF_INET6 = 10,
  SOCK_STREAM = 1,
  SOCK_TYPE_MASK = 0xf,  // include/linux/net.h; the rest is SOCK_CLOEXEC, SOCK_NONBLOCK
  IPPROTO_TCP = 6,
  // The generic errno numbers: the same on every architecture this builds for.
  EINVAL = 22,
  EPROTONOSUPPORT = 93,
};

bool mptcpize_asks_for_tcp(int family, int type, int protocol) {
  return (type & SOCK_TYPE_MASK) == SOCK_STREAM && (family == AF_INET || family == AF_INET6) &&
         (protocol == 0 || protocol == IPPROTO_TCP);
}

bool mptcpize_refusal_is_permanent(int error) {
  return error == EINVAL || error == EPROTONOSUPPORT;
}
