// TCP_INFO shows an MPTCP connection's first subflow (net/mptcp/sockopt.c,
// mptcp_getsockopt_first_sf_only). When that subflow is gone, its state is CLOSE and its numbers
// are 0, whatever happens on other subflows. Programs that ask whether their peer is still there
// (Puma, unicorn, connection pools) would drop a connection that MPTCP has just saved. So the
// library answers from a subflow that lives, with the connection's own state and byte counts.

#include "tcp_info.h"

#include "SocketPolicy.h"
#include "state.h"

// include/net/tcp_states.h
enum { ESTABLISHED = 1, FIN_WAIT1 = 4, FIN_WAIT2 = 5, CLOSED = 7, CLOSE_WAIT = 8 };

enum { MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000 };
enum { FLAG_FALLBACK = 1, FLAG_REMOTE_KEY_RECEIVED = 2 };

/// As much of struct tcp_info (include/uapi/linux/tcp.h) as is answered: all of Linux 7.2's.
/// Eight more subflows are the most that the kernel's path manager makes (MPTCP_SUBFLOWS_MAX).
enum { ENTRY = 320, ENTRIES = 9 };

/// struct mptcp_subflow_data, include/uapi/linux/mptcp.h, and the array behind it.
struct subflows {
  uint32_t header, count, kernel_size, entry;
  _Alignas(8) uint8_t entries[ENTRIES * ENTRY];
};

// Where both have the connection's byte counts: struct mptcp_info (they came with Linux 6.5) and
// struct tcp_info.
static const struct {
  uint8_t from, to;
} totals[] = {
    {56, 200},  // bytes_sent
    {48, 208},  // bytes_retrans
    {64, 128},  // bytes_received
    {72, 120},  // bytes_acked
};

static void copy(uint8_t *to, const uint8_t *from, size_t size) {
  for (size_t i = 0; i < size; i++) to[i] = from[i];
}

// The connection's state as TCP would call it; CLOSED where it has ended, or never began.
static uint8_t connection_state(int fd) {
  struct poll_request request = {fd, POLLIN | POLLRDHUP, 0};
  struct kernel_timespec at_once = {0, 0};
  if (syscall5(SYS_ppoll, (long)&request, 1, (long)&at_once, 0, 8) < 0) return CLOSED;
  if (request.revents & (POLLHUP | POLLERR)) return CLOSED;
  if (request.revents & POLLRDHUP) return CLOSE_WAIT;
  // Sends nothing: it fails once the sending side is shut down.
  enum { QUIETLY = MSG_DONTWAIT | MSG_NOSIGNAL };
  long sent = syscall6(SYS_sendto, fd, 0, 0, QUIETLY, 0, 0);
  return sent < 0 ? FIN_WAIT2 : ESTABLISHED;
}

// A subflow over which data goes; NULL where there is none.
static const uint8_t *living_subflow(int fd, struct subflows *subflows, socklen_t size) {
  socklen_t length = size;
  subflows->header = offsetof(struct subflows, entries);
  subflows->entry = ENTRY;
  if (kernel_getsockopt(fd, SOL_MPTCP, MPTCP_TCPINFO, subflows, &length) < 0) return NULL;
  uint32_t entry = subflows->entry;  // what the kernel has of one
  const uint8_t *half_open = NULL;
  for (uint32_t i = 0; i < subflows->count && i < ENTRIES; i++) {
    const uint8_t *information = subflows->entries + (size_t)i * entry;
    switch (information[0]) {
      case ESTABLISHED:
        return information;
      case CLOSE_WAIT:
      case FIN_WAIT1:
      case FIN_WAIT2:
        half_open = information;
        break;
    }
  }
  return half_open;
}

__attribute__((noinline)) void tcp_info_mend(int fd, uint8_t *information, socklen_t length) {
  UNASKED(may_ask, UNASKED_TCP_INFO);
  if (!may_ask || (state() & (STATE_INERT | STATE_STRICT))) return;
  uint8_t connection[80] = {0};
  socklen_t told = sizeof connection;
  if (kernel_getsockopt(fd, SOL_MPTCP, MPTCP_INFO, connection, &told) < 0) return;
  uint8_t flags = connection[8];
  if ((flags & FLAG_FALLBACK) || !(flags & FLAG_REMOTE_KEY_RECEIVED)) return;
  uint8_t now = connection_state(fd);
  if (now == CLOSED) return;
  struct subflows subflows = {0};
  const uint8_t *living = living_subflow(fd, &subflows, sizeof subflows);
  if (!living) return;
  copy(information, living, length < subflows.entry ? length : subflows.entry);
  information[0] = now;
  for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
    bool both = totals[i].from + 8u <= told && totals[i].to + 8u <= length;
    if (both) copy(information + totals[i].to, connection + totals[i].from, 8);
  }
}

int tcp_info_get(int fd, void *value, socklen_t *length) {
  state();
  int result = next.getsockopt(fd, IPPROTO_TCP, TCP_INFO, value, length);
  if (result == 0 && *length > 0 && UNLIKELY(((uint8_t *)value)[0] == CLOSED)) {
    tcp_info_mend(fd, value, *length);
  }
  return result;
}
