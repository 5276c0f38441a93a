#include "SocketPolicy.h"
#include "cgroup_settings.h"
#include "disabled.h"
#include "fresh.h"
#include "protocol.h"
#include "record.h"
#include "state.h"

// What the program asked for, and its errno when it did. In memory, not in
// registers that every call would have to save: it is looked at only after a refusal.
struct request {
  int family, type, protocol, before;
};

static int plain(const struct request *request, int refusal) {
  int fd = next.socket(request->family, request->type, request->protocol);
  if (fd >= 0 && recording()) {
    record_created(fd, request->family, request->protocol, IPPROTO_TCP, refusal);
  }
  return fd;
}

static uint16_t *refusal_of(int family) {
  return family == AF_INET ? &state_refusal_inet : &state_refusal_inet6;
}

__attribute__((noinline)) static int refused(const struct request *request) {
  int refusal = errno_get();
  errno_set(request->before);
  int fd = plain(request, refusal);
  // Only once TCP has worked: EINVAL may as well have come from flags that no
  // protocol takes.
  if (fd >= 0) disabled_note(request->family, refusal);
  if (fd >= 0 && mptcpize_refusal_is_permanent(refusal)) {
    *refusal_of(request->family) = (uint16_t)refusal;
    __atomic_fetch_or(&state_flags, 1u << request->family, __ATOMIC_RELEASE);
  }
  return fd;
}

// A socket of another kind; one that the program itself wants to be MPTCP, above all.
static int other(uint32_t flags, int family, int type, int protocol) {
  bool is_own = protocol == MPTCPIZE_IPPROTO_MPTCP && !(flags & STATE_INERT);
  bool is_tcp = is_own && state_rule_for_all >= 0 && mptcpize_asks_for_tcp(family, type, 0);
  int fd = next.socket(family, type, is_tcp ? IPPROTO_TCP : protocol);
  if (fd < 0 || !is_own) return fd;
  if (is_tcp && recording()) {
    record_created(fd, family, protocol, IPPROTO_TCP, MPTCPIZE_REFUSED_BY_POLICY);
  }
  if (!is_tcp) protocol_asked_for(fd);
  return fd;
}

// In a cgroup that a BPF program reaches, it may be MPTCP all the same.
static int expected(const struct request *request) {
  int fd = next.socket(request->family, request->type, request->protocol);
  if (fd < 0) return fd;
  bool is_tcp = kernel_get_int(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP;
  fresh_made(fd, request->family, is_tcp);
  return fd;
}

// Everything but the usual case: the first call of all, a ring, a refusal known, a cgroup whose
// programs set something on each socket, rules.
__attribute__((noinline)) static int unusual(int family, int type, int protocol) {
  uint32_t flags = state();
  if (!mptcpize_asks_for_tcp(family, type, protocol) || (flags & STATE_INERT)) {
    return other(flags, family, type, protocol);
  }
  struct request request = {family, type, protocol, errno_get()};
  bool is_unusual = flags & 1u << family;
  uint16_t refusal = *refusal_of(family);
  if (is_unusual && refusal) return plain(&request, refusal);
  if (is_unusual && disabled_lately()) return plain(&request, ENOPROTOOPT);
  bool may_expect = (flags & (STATE_POLICY | STATE_RECORDING)) == STATE_POLICY && !is_unusual;
  if (may_expect && fresh_expects_tcp(family)) {
    return expected(&request);
  }
  if (!unasked_begin(family == AF_INET ? UNASKED_INET : UNASKED_INET6)) {
    return plain(&request, EPERM);
  }
  int fd = next.socket(family, type, MPTCPIZE_IPPROTO_MPTCP);
  unasked_end();
  if (fd < 0) return refused(&request);
  if (is_unusual && !cgroup_settings_reach_subflows(fd, family)) {
    syscall1(SYS_close, fd);
    return plain(&request, MPTCPIZE_REFUSED_FOR_CGROUP);
  }
  if (flags & STATE_POLICY) fresh_made(fd, family, false);
  if (flags & STATE_RECORDING) record_created(fd, family, protocol, MPTCPIZE_IPPROTO_MPTCP, 0);
  return fd;
}

INTERPOSED int socket(int family, int type, int protocol) {
  if (mptcpize_asks_for_tcp(family, type, protocol)) {
    unasked_enter();
    uint32_t flags = __atomic_load_n(&state_flags, __ATOMIC_SEQ_CST);
    // Before the library is ready, the families are unusual.
    if (UNLIKELY(flags &
                 (STATE_INERT | STATE_RECORDING | STATE_CONFINED | STATE_POLICY | 1u << family))) {
      unasked_end();
      return unusual(family, type, protocol);
    }
    struct request request = {family, type, protocol, 0};
    request.before = errno_get();
    __asm__("" : "+m"(request));  // or the compiler keeps it in saved registers too
    int fd = next.socket(request.family, request.type, MPTCPIZE_IPPROTO_MPTCP);
    unasked_end();
    return UNLIKELY(fd < 0) ? refused(&request) : fd;
  }
  uint32_t flags = __atomic_load_n(&state_flags, __ATOMIC_ACQUIRE);
  if (UNLIKELY(flags & (STATE_UNREADY | STATE_POLICY) || protocol == MPTCPIZE_IPPROTO_MPTCP)) {
    return unusual(family, type, protocol);
  }
  return next.socket(family, type, protocol);
}
