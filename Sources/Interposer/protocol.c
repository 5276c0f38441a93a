// Usually SO_PROTOCOL is the kernel's answer, 262, because people check for MPTCP by it. But
// CPython remembers it for a socket that it is handed by number. If it is not IPPROTO_TCP, asyncio
// sets no TCP_NODELAY, and fails in sock_connect. For such programs there is
// MPTCPIZE_PROTOCOL_AS_TCP.

#include "protocol.h"

#include "SocketPolicy.h"
#include "kept.h"
#include "state.h"

// Kept as if it were the line behind the table's last.
static const struct mptcpize_option *asked_for(void) {
  size_t count;
  const struct mptcpize_option *table = mptcpize_option_table(&count);
  return table + count;
}

void protocol_asked_for(int fd) { kept_put(kernel_inode(fd), asked_for(), 1); }

bool protocol_is_asked_for(int fd) {
  int32_t ours;
  return state() & STATE_KEPT && kept_get(kernel_inode(fd), asked_for(), &ours);
}

// Sockets that came from elsewhere (systemd, another program) count as TCP too: no program that
// was not told of MPTCP can have asked for them.
__attribute__((noinline)) static void show_tcp(int fd, uint8_t *value, socklen_t length) {
  if (kernel_get_int(fd, SOL_SOCKET, SO_PROTOCOL) != MPTCPIZE_IPPROTO_MPTCP) return;
  if (protocol_is_asked_for(fd)) return;
  const int32_t protocol = IPPROTO_TCP;
  for (socklen_t i = 0; i < length && i < sizeof protocol; i++) {
    value[i] = ((const uint8_t *)&protocol)[i];
  }
}

int protocol_get(int fd, void *value, socklen_t *length) {
  uint32_t flags = state();
  int result = next.getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, value, length);
  if (result == 0 && UNLIKELY(flags & STATE_PROTOCOL_AS_TCP)) show_tcp(fd, value, *length);
  return result;
}
