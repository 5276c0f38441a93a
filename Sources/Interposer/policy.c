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

// struct sockaddr_in as far as it tells anything, and what tcp_v4_connect() and bind take for one.
struct ipv4 {
  uint16_t family;
  uint16_t port;  // in network order
  uint32_t address;
};
enum { IPV4_LENGTH = 16 };

static uint16_t port_of(const struct ipv4 *address) {
  bool is_turned = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
  return is_turned ? __builtin_bswap16(address->port) : address->port;
}

__attribute__((noinline)) static void obey_tcp(int fd, int rule) { carry_out(fd, rule); }

static inline void obey(int fd, struct mptcpize_ruling ruling) {
  if (UNLIKELY(ruling.tcp)) {
    obey_tcp(fd, ruling.rule);
  } else if (UNLIKELY(fresh_is_expecting())) {
    fresh_forget(fd);
  }
}

// IPv6, and what is rare.
__attribute__((noinline)) static void connecting(int fd, const void *address, socklen_t size) {
  union socket_address peer = {.family = 0};
  socklen_t length = size < sizeof peer ? size : sizeof peer;
  if (!program_memory_read(&peer, address, length)) return;
  obey(fd, mptcpize_policy_decide(&state_policy, MPTCPIZE_CONNECT, &peer, length));
}

void policy_connecting(int fd, const void *address, socklen_t length) {
  uintptr_t place = (uintptr_t)address;
  bool is_in_one_block = place % sizeof(struct ipv4) == 0;
  if (UNLIKELY(length < IPV4_LENGTH || !is_in_one_block)) return connecting(fd, address, length);
  unasked_enter();
  bool may_ask = !__atomic_load_n(&unasked_forbidden, __ATOMIC_SEQ_CST);
  bool is_good = may_ask && program_memory_is_good(place);
  unasked_end();
  if (UNLIKELY(!is_good)) return connecting(fd, address, length);
  struct ipv4 peer;
  __builtin_memcpy(&peer, address, sizeof peer);
  // To connect to no address is to connect to this host.
  bool is_other = peer.family != AF_INET || !peer.address;
  if (UNLIKELY(is_other)) return connecting(fd, address, length);
  obey(fd,
       mptcpize_policy_decide_ipv4(&state_policy, MPTCPIZE_CONNECT, peer.address, port_of(&peer)));
}

__attribute__((noinline)) static void listening(int fd, const union socket_address *own,
                                                socklen_t length) {
  obey(fd, mptcpize_policy_decide(&state_policy, MPTCPIZE_LISTEN, own, length));
}

void policy_listening(int fd) {
  union {
    union socket_address any;
    struct ipv4 ipv4;
  } own;
  socklen_t length = sizeof own;
  unasked_enter();
  bool may_ask = unasked_allowed(UNASKED_REPLACEMENT);
  long result = may_ask ? syscall3(SYS_getsockname, fd, (long)&own, (long)&length) : -1;
  unasked_end();
  if (UNLIKELY(result < 0)) return fresh_forget(fd);
  if (UNLIKELY(own.ipv4.family != AF_INET)) return listening(fd, &own.any, length);
  obey(fd, mptcpize_policy_decide_ipv4(&state_policy, MPTCPIZE_LISTEN, own.ipv4.address,
                                       port_of(&own.ipv4)));
}
