// Mends socket options in selected cgroups. In the kernel, it does what the preload library does
// about options that TCP accepts and MPTCP refuses, as far as possible.
//
// The programs are attached to each selected cgroup, and to nothing else. The kernel runs them for
// the sockets that were made in the cgroup's subtree (sk_cgrp_data), whoever holds them now. If a
// cgroup is below another selected one, they run twice; the second run changes nothing. 32-bit
// programs do not reach them (in_compat_syscall() in net/socket.c).
//
// They cannot replace a socket by plain TCP. Options for which the preload library does so are
// ignored, or stay refused if ignoring them would pretend something.

#include "BPFProgs.h"
#include "SocketPolicy.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"

const char license_name[] SEC("license") = "Dual BSD/GPL";

// linux/bpf.h, as far as it is used.
struct bpf_sock {
  uint32_t bound_dev_if, family, type, protocol;
  uint32_t others[14];
  uint32_t state;
};

struct bpf_sockopt {
  struct bpf_sock *sk __attribute__((aligned(8)));
  uint8_t *optval __attribute__((aligned(8)));
  uint8_t *optval_end __attribute__((aligned(8)));
  int32_t level, optname, optlen, retval;
};

_Static_assert(offsetof(struct bpf_sock, state) == 72, "linux/bpf.h");
_Static_assert(offsetof(struct bpf_sockopt, level) == 24, "linux/bpf.h");

struct {
  UINT(type, BPF_MAP_TYPE_ARRAY);
  UINT(max_entries, MPTCPIZE_BPF_OPTIONS);
  TYPE(key, uint32_t);
  TYPE(value, struct mptcpize_bpf_remedy);
} remedies SEC(".maps");

struct {
  UINT(type, BPF_MAP_TYPE_CGROUP_STORAGE);
  TYPE(key, uint64_t);
  TYPE(value, uint64_t);
} remedied SEC(".maps");

struct {
  UINT(type, BPF_MAP_TYPE_SK_STORAGE);
  UINT(map_flags, BPF_F_NO_PREALLOC);
  TYPE(key, int);
  TYPE(value, struct mptcpize_bpf_kept);
} kept SEC(".maps");

enum { TCP_NODELAY = 1, TCP_INFO = 11 };

// No program is shown more of a value: what is longer than a page (of any size) has to be
// handed back untouched, by a length of 0.
enum { SHOWN = 4096 };

// What a receive buffer is raised to. Not the round number, so that the program that runs for
// an upper cgroup knows that it was not the caller who asked for it.
enum { RAISED = MPTCPIZE_RECEIVE_BUFFER_MINIMUM + 1 };

// What the programs answer: the call goes on, or ends with the errno of bpf_set_retval.
enum { REFUSED = 0, GO_ON = 1 };

INLINE int refuse(int error) {
  bpf_set_retval(-error);
  return REFUSED;
}

// What to do about this call, or NULL: nothing.
INLINE struct mptcpize_bpf_remedy *remedy_for(struct bpf_sockopt *call, struct bpf_sock *socket) {
  if (socket->protocol != MPTCPIZE_IPPROTO_MPTCP) return 0;
  int level = call->level;
  // TCP does not know it either.
  if (level == IPPROTO_IPV6 && socket->family == AF_INET) return 0;
  uint32_t option = mptcpize_bpf_option(level, call->optname);
  return bpf_map_lookup_elem(&remedies, &option);
}

// A connection whose peer does not speak MPTCP hands these options to its TCP subflow,
// which takes them all.
INLINE bool has_fallen_back(struct bpf_sock *socket, uint32_t state) {
  if (state == TCP_CLOSE || state == TCP_LISTEN || state == TCP_SYN_SENT) return false;
  struct sock *first = AS(mptcp_sock, socket)->first;
  if (!first) return false;
  void *data = AS(inet_connection_sock, first)->icsk_ulp_data;
  if (!data) return false;
  // A bit field moves with its neighbours; bpf_core_read.h, BPF_CORE_READ_BITFIELD_PROBED.
  enum { BYTE_OFFSET = 0, BYTE_SIZE = 1, LEFT = 4, RIGHT = 5 };
  const struct mptcp_subflow_context *context = data;
  uint64_t word = 0;
  const void *from =
      (const void *)context + __builtin_preserve_field_info(context->mp_capable, BYTE_OFFSET);
  if (bpf_probe_read_kernel(&word, __builtin_preserve_field_info(context->mp_capable, BYTE_SIZE),
                            from) != 0)
    return false;
  word <<= __builtin_preserve_field_info(context->mp_capable, LEFT);
  word >>= __builtin_preserve_field_info(context->mp_capable, RIGHT);
  return word == 0;
}

INLINE int32_t *find_kept(struct mptcpize_bpf_kept *values, uint32_t option) {
  for (uint32_t i = 0; i < MPTCPIZE_BPF_KEPT; i++)
    if (values->options[i].option == option + 1) return &values->options[i].value;
  return 0;
}

// What getsockopt is to answer. Where there is no memory, it is the default.
INLINE void keep(struct bpf_sock *socket, uint32_t option, int32_t value) {
  struct mptcpize_bpf_kept *values =
      bpf_sk_storage_get(&kept, socket, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (!values) return;
  int32_t *known = find_kept(values, option);
  if (known) {
    *known = value;
    return;
  }
  for (uint32_t i = 0; i < MPTCPIZE_BPF_KEPT; i++) {
    if (values->options[i].option) continue;
    values->options[i].option = option + 1;
    values->options[i].value = value;
    return;
  }
}

// The kernel's own answer counts again.
INLINE void forget(struct bpf_sock *socket, uint32_t option) {
  struct mptcpize_bpf_kept *values = bpf_sk_storage_get(&kept, socket, 0, 0);
  if (!values) return;
  for (uint32_t i = 0; i < MPTCPIZE_BPF_KEPT; i++)
    if (values->options[i].option == option + 1) values->options[i].option = 0;
}

INLINE void count(void) {
  uint64_t *number = bpf_get_local_storage(&remedied, 0);
  __sync_fetch_and_add(number, 1);
}

// net/core/sock.c: the kernel doubles what was asked, and has a floor (SOCK_MIN_RCVBUF).
INLINE int32_t buffer_shown(int32_t asked) {
  enum { FLOOR = 2304 };
  return asked < FLOOR / 2 ? FLOOR : asked * 2;
}

INLINE bool asks_for_nothing(const struct mptcpize_bpf_remedy *remedy, int32_t length,
                             int32_t number, uint32_t device) {
  if (remedy->hint == MPTCPIZE_HINT_PRESENT)
    return remedy->is_bytes ? number == 0 && device == 0 : (uint32_t)number == device;
  if (remedy->hint == MPTCPIZE_HINT_ZERO) return remedy->is_bytes ? length == 0 : number == 0;
  if (remedy->hint == MPTCPIZE_HINT_INITIAL) return number == remedy->initial || number == -1;
  return false;
}

SEC("cgroup/setsockopt")
int mptcpize_setsockopt(struct bpf_sockopt *call) {
  int32_t length = call->optlen;
  if (length > SHOWN) {
    call->optlen = 0;
    return GO_ON;
  }
  struct bpf_sock *socket = call->sk;
  if (length < 0 || !socket) return GO_ON;
  struct mptcpize_bpf_remedy *remedy = remedy_for(call, socket);
  if (!remedy) return GO_ON;
  uint32_t state = socket->state;
  uint8_t action = state == TCP_CLOSE    ? remedy->fresh
                   : state == TCP_LISTEN ? remedy->listening
                                         : remedy->connected;
  if (action == MPTCPIZE_BPF_KERNEL) return GO_ON;
  int level = call->level;
  if ((level != SOL_SOCKET || action == MPTCPIZE_BPF_RCVBUF) && has_fallen_back(socket, state))
    return GO_ON;

  // As TCP reads it: IPPROTO_IP takes single bytes too.
  uint8_t *value = call->optval, *end = call->optval_end;
  int32_t number = 0;
  if (!remedy->is_bytes) {
    if (length >= (int32_t)sizeof number) {
      if (value + sizeof number > end) return GO_ON;
      number = *(int32_t *)value;
    } else if (level == IPPROTO_IP && length > 0) {
      if (value + 1 > end) return GO_ON;
      number = *value;
    } else {
      return refuse(EINVAL);
    }
  } else if (length > 0 && value + 1 <= end) {
    number = *value;  // an empty name has none
  }

  uint32_t option = mptcpize_bpf_option(level, call->optname);
  switch (action) {
    case MPTCPIZE_BPF_RCVBUF:
      if (number == RAISED) return GO_ON;
      // The kernel takes a negative size for the largest there is.
      if (number < 0 || number >= MPTCPIZE_RECEIVE_BUFFER_MINIMUM) {
        forget(socket, option);
        return GO_ON;
      }
      if (value + sizeof number > end) return GO_ON;
      *(int32_t *)value = RAISED;
      keep(socket, option, buffer_shown(number));
      count();
      return GO_ON;
    case MPTCPIZE_BPF_CORK:
      // MPTCP leaves what is corked to a timer of 200 ms, when it is uncorked and when it
      // is closed, and no program runs then. Uncorking is the kernel's: it may have been
      // corked before this program came.
      if (number == 0) {
        forget(socket, option);
        return GO_ON;
      }
      if (value + sizeof number > end) return GO_ON;
      call->optname = TCP_NODELAY;
      *(int32_t *)value = 1;
      keep(socket, option, 1);
      count();
      return GO_ON;
    case MPTCPIZE_BPF_HINT:
      if (!asks_for_nothing(remedy, length, number, socket->bound_dev_if)) return GO_ON;
      if (remedy->hint == MPTCPIZE_HINT_INITIAL) number = remedy->initial;
      break;
  }
  if (!remedy->is_bytes) {
    if (number < remedy->low || number > remedy->high) return refuse(EINVAL);
    if (remedy->can_get && !remedy->forgets)
      keep(socket, option, remedy->is_bool ? number != 0 : number);
  }
  count();
  call->optlen = -1;  // success, without the kernel's own handling
  return GO_ON;
}

// TCP_INFO is the first subflow's, whose state is CLOSE once it is gone. Where the connection lives
// on others, its own state is told; the preload library tells numbers of one of those too.
INLINE void mend_state(struct bpf_sockopt *call, struct bpf_sock *socket) {
  uint8_t *value = call->optval, *end = call->optval_end;
  if (call->retval || socket->protocol != MPTCPIZE_IPPROTO_MPTCP || value + 1 > end) return;
  uint32_t state = socket->state;
  if (*value == TCP_CLOSE && state != TCP_SYN_SENT) *value = (uint8_t)state;
}

SEC("cgroup/getsockopt")
int mptcpize_getsockopt(struct bpf_sockopt *call) {
  int32_t length = call->optlen;
  uint8_t *value = call->optval, *end = call->optval_end;
  // What the kernel told stays where it is. Some options tell how much there would have
  // been to tell, which is more than there is room for.
  if (length < 0 || length > SHOWN || value + length > end) {
    call->optlen = 0;
    return GO_ON;
  }
  struct bpf_sock *socket = call->sk;
  if (!socket) return GO_ON;
  if (call->level == IPPROTO_TCP && call->optname == TCP_INFO) {
    mend_state(call, socket);
    return GO_ON;
  }
  struct mptcpize_bpf_remedy *remedy = remedy_for(call, socket);
  if (!remedy || !remedy->can_get) return GO_ON;
  int retval = call->retval;
  if (retval && retval != -ENOPROTOOPT && retval != -EOPNOTSUPP) return GO_ON;
  struct mptcpize_bpf_kept *values = bpf_sk_storage_get(&kept, socket, 0, 0);
  int level = call->level;
  int32_t *known = values ? find_kept(values, mptcpize_bpf_option(level, call->optname)) : 0;
  if (!known && retval == 0) return GO_ON;
  int32_t number = known ? *known : remedy->initial;
  if (length >= (int32_t)sizeof number) {
    if (value + sizeof number > end) return GO_ON;
    *(int32_t *)value = number;
    call->optlen = sizeof number;
  } else if (level == IPPROTO_IP && length > 0 && number >= 0 && number <= UINT8_MAX) {
    if (value + 1 > end) return GO_ON;
    *value = (uint8_t)number;
    call->optlen = 1;
  } else {
    return GO_ON;
  }
  call->retval = 0;
  return GO_ON;
}
