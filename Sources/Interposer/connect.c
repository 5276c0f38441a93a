#include "late.h"
#include "plain.h"
#include "record.h"
#include "state.h"

__attribute__((noinline)) static int connect_unusual(int fd, const void *address,
                                                     socklen_t length) {
  bool wanted = recording();
  if (state() & STATE_FRESH) plain_connecting();
  if (state() & STATE_LATE) late_decide(fd, MPTCPIZE_AT_CONNECT);
  int result = next.connect(fd, address, length);
  if (wanted) record_connecting(fd, address, length, result < 0 ? errno_get() : 0);
  return result;
}

INTERPOSED int connect(int fd, const void *address, socklen_t length) {
  return quiet_connect() ? next.connect(fd, address, length) : connect_unusual(fd, address, length);
}
