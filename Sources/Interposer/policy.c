#include "policy.h"

#include "SocketPolicy.h"
#include "fresh.h"
#include "program_memory.h"
#include "record.h"
#include "replace.h"
#include "state.h"

static void record(int fd, void *context) { record_ruled(fd, *(const int *)context); }

// Of a socket that cannot be replaced any more, the record tells that it stays what it is.
static void carry_out(int fd, int rule) {
  if (fresh_replace(fd)) {
    if (recording()) record_ruled(fd, rule);
    return;
  }
  int64_t family = kernel_get_int(fd, SOL_SOCKET, SO_DOMAIN);
  bool is_inet = family == AF_INET || family == AF_INET6;
  if (!is_inet || kernel_get_int(fd, SOL_SOCKET, SO_PROTOCOL) != MPTCPIZE_IPPROTO_MPTCP) return;
  if (!kernel_is_unconnected(fd)) return;
  const struct replace_reason reason = {.record = record, .context = &rule};
  bool is_done = replace_with_tcp_because(fd, &reason) == REPLACE_DONE;
  if (!is_done && recording()) record_ruled(fd, rule);
}

void policy_connecting(int fd, const void *address, socklen_t length) {
  union socket_address peer = {.family = 0};
  if (mptcpize_policy_is_empty(&state_policy, MPTCPIZE_CONNECT)) return;
  if (length > sizeof peer) length = sizeof peer;
  if (!program_memory_read(&peer, address, length)) return;
  struct mptcpize_ruling ruling =
      mptcpize_policy_decide(&state_policy, MPTCPIZE_CONNECT, &peer, length);
  if (ruling.tcp) {
    carry_out(fd, ruling.rule);
  } else {
    fresh_forget(fd);
  }
}

void policy_listening(int fd) {
  union socket_address own = {.family = 0};
  socklen_t length = sizeof own;
  if (mptcpize_policy_is_empty(&state_policy, MPTCPIZE_LISTEN)) return;
  UNASKED(may_ask, UNASKED_REPLACEMENT);
  if (!may_ask || syscall3(SYS_getsockname, fd, (long)&own, (long)&length) < 0) return;
  struct mptcpize_ruling ruling =
      mptcpize_policy_decide(&state_policy, MPTCPIZE_LISTEN, &own, length);
  if (ruling.tcp) carry_out(fd, ruling.rule);
}
