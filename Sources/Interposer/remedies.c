#include "remedies.h"

#include "cork.h"
#include "demote.h"
#include "descriptors.h"
#include "kept.h"
#include "record.h"
#include "state.h"

remedies_plain remedies_settable, remedies_readable;

// Those that the kernel takes before connect only: SO_REUSEADDR and its like.
static remedies_plain late;

// What MPTCP has taken since Linux 5.16, in every state. include/uapi/asm-generic/socket.h:
// SO_DEBUG, DONTROUTE, BROADCAST, SNDBUF, KEEPALIVE, PRIORITY, LINGER, RCVLOWAT, RCVTIMEO,
// SNDTIMEO, TIMESTAMP, TIMESTAMPNS, MARK, TIMESTAMPING, BUSY_POLL.
static const uint8_t settable[] = {1, 5, 6, 7, 9, 12, 13, 18, 20, 21, 29, 35, 36, 37, 46};
// And what any socket tells: SO_TYPE, SO_ERROR, SO_ACCEPTCONN, SO_PROTOCOL, SO_DOMAIN.
static const uint8_t readable[] = {3, 4, 30, 38, 39};

static void add(remedies_plain options, int level, int number) {
  unsigned int at = (unsigned int)number;
  if (at >= REMEDIES_LIMIT) return;
  __atomic_fetch_or(&options[level][at / REMEDIES_BITS], 1ul << at % REMEDIES_BITS,
                    __ATOMIC_RELAXED);
}

void remedies_initialize(void) {
  for (size_t i = 0; i < sizeof settable; i++) {
    add(remedies_settable, SOL_SOCKET, settable[i]);
    add(remedies_readable, SOL_SOCKET, settable[i]);
  }
  for (size_t i = 0; i < sizeof readable; i++) add(remedies_readable, SOL_SOCKET, readable[i]);
  add(remedies_readable, IPPROTO_TCP, TCP_INFO);
  size_t count;
  const struct mptcpize_option *table = mptcpize_option_table(&count);
  for (size_t i = 0; i < count; i++) {
    if (table[i].connected) add(late, table[i].level, table[i].number);
  }
}

// Where the kernel may not be asked, a socket that refuses what TCP takes counts as one; and a
// larger buffer harms no other.
static bool is_mptcp(int fd) {
  return !unasked_allowed(UNASKED_QUESTIONS) ||
         kernel_get_int(fd, SOL_SOCKET, SO_PROTOCOL) == MPTCPIZE_IPPROTO_MPTCP;
}

// A connection that fell back hands options to its TCP subflow, which takes them all.
static bool speaks_mptcp(int fd) {
  UNASKED(may_ask, UNASKED_QUESTIONS);
  if (!may_ask) return false;
  uint8_t information[4];
  socklen_t length = sizeof information;
  return kernel_getsockopt(fd, SOL_MPTCP, MPTCP_INFO, information, &length) >= 0;
}

// An option that depends on the kernel alone is asked about only until it has worked;
// in a program that has no MPTCP socket, not for ever.
static void learn(int fd, const struct mptcpize_option *option) {
  enum { TRIES = 256 };
  static uint32_t tries;
  if (option->connected || option->unchecked || (unsigned int)option->number >= REMEDIES_LIMIT) {
    return;
  }
  if (__atomic_load_n(&tries, __ATOMIC_RELAXED) >= TRIES) return;
  __atomic_fetch_add(&tries, 1, __ATOMIC_RELAXED);
  if (speaks_mptcp(fd)) add(remedies_settable, option->level, option->number);
}

// --- Options that the kernel takes before connect only --------------------------------

static bool looked;

static void look_at(int fd, void *context) {
  bool *found = context;
  int64_t protocol = kernel_get_int(fd, SOL_SOCKET, SO_PROTOCOL);
  bool is_tcp = protocol == IPPROTO_TCP || protocol == MPTCPIZE_IPPROTO_MPTCP;
  if (is_tcp && !demote_is_possible(fd)) *found = true;
}

// Their result has to be looked at only where there is a connection. While the process
// has none, and no listener that another thread may be waiting at, they count as plain;
// connect and accept end that. What is connected otherwise (MSG_FASTOPEN, io_uring) or arrives
// connected over a UNIX socket is not noticed: there EINVAL stays.
__attribute__((noinline)) static void look_for_connections(void) {
  UNASKED(may_look, UNASKED_REPLACEMENT);
  if (!may_look || __atomic_exchange_n(&looked, true, __ATOMIC_RELAXED)) return;
  // First, so that a connection made while we look is told of.
  __atomic_fetch_or(&state_flags, STATE_FRESH, __ATOMIC_SEQ_CST);
  bool found = false;
  descriptors_each(FILE_SOCKET, look_at, &found);
  for (int level = 0; !found && level < REMEDIES_LIMIT; level++) {
    for (size_t i = 0; i < REMEDIES_LIMIT / REMEDIES_BITS; i++) {
      __atomic_fetch_or(&remedies_settable[level][i], late[level][i], __ATOMIC_SEQ_CST);
    }
  }
  if (found || !(state() & STATE_FRESH)) remedies_connecting();
}

void remedies_connecting(void) {
  for (int level = 0; level < REMEDIES_LIMIT; level++) {
    for (size_t i = 0; i < REMEDIES_LIMIT / REMEDIES_BITS; i++) {
      __atomic_fetch_and(&remedies_settable[level][i], ~late[level][i], __ATOMIC_SEQ_CST);
    }
  }
  __atomic_fetch_and(&state_flags, ~(uint32_t)STATE_FRESH, __ATOMIC_SEQ_CST);
}

// Once for each socket and option, or a program that sets one for each packet fills the ring.
static void tell(int fd, const struct mptcpize_option *option, int remedy, int refusal,
                 bool is_new) {
  if (is_new && recording()) {
    record_remedied(fd, option->level, option->number, remedy, refusal);
  }
}

// --- Adjusted options ---------------------------------------------------------------

static int set_cork(int fd, const struct mptcpize_option *option, const void *value,
                    socklen_t length) {
  int result = next.setsockopt(fd, option->level, option->number, value, length);
  if (result) return result;
  int before = errno_get();
  bool was_corked = cork_is_set(fd);
  int64_t corked = kernel_get_int(fd, IPPROTO_TCP, TCP_CORK);
  cork_set(fd, corked > 0);
  if (recording() && (was_corked || cork_is_set(fd))) {
    bool is_new = kept_put(kernel_inode(fd), option, corked > 0);
    tell(fd, option, MPTCPIZE_ADJUST, 0, is_new);
  }
  errno_set(before);
  return 0;
}

static int set_receive_buffer(int fd, const struct mptcpize_option *option, const void *value,
                              socklen_t length) {
  int32_t asked = 0;
  if (!value || length < sizeof asked || !is_mptcp(fd)) {
    return next.setsockopt(fd, option->level, option->number, value, length);
  }
  for (size_t i = 0; i < sizeof asked; i++) ((uint8_t *)&asked)[i] = ((const uint8_t *)value)[i];
  uint64_t inode = kernel_inode(fd);
  // The kernel takes a negative size for the largest there is.
  if (asked < 0 || asked >= MPTCPIZE_RECEIVE_BUFFER_MINIMUM) {
    kept_drop(inode, option);
    return next.setsockopt(fd, option->level, option->number, value, length);
  }
  int32_t enough = MPTCPIZE_RECEIVE_BUFFER_MINIMUM;
  int result = next.setsockopt(fd, option->level, option->number, &enough, sizeof enough);
  if (result == 0) {
    bool is_new = kept_put(inode, option, mptcpize_receive_buffer_shown(asked));
    tell(fd, option, MPTCPIZE_ADJUST, 0, is_new);
  }
  return result;
}

// --- setsockopt -----------------------------------------------------------------------

// The errno that the program sees, 0 for success.
static int decide(int fd, const struct mptcpize_option *option, int level, int number,
                  const void *value, socklen_t length, int refusal) {
  int family = (int)kernel_get_int(fd, SOL_SOCKET, SO_DOMAIN);
  bool replaceable = option && option->remedy == MPTCPIZE_DEMOTE && demote_is_possible(fd);
  struct mptcpize_decision decision =
      mptcpize_option_decide(option, level, family, value, length, refusal, replaceable);
  if (decision.remedy == MPTCPIZE_DEMOTE) {
    int error = 0;
    switch (demote(fd, level, number, value, length, refusal, &error)) {
      case DEMOTE_DONE:
        return 0;
      case DEMOTE_REFUSED:
        return error;
      case DEMOTE_FAILED:
        break;
    }
    decision = mptcpize_option_decide(option, level, family, value, length, refusal, false);
  }
  if (!option || decision.remedy == MPTCPIZE_REFUSE) return decision.error;
  bool is_new = true;
  if (decision.keep) is_new = kept_put(kernel_inode(fd), option, decision.kept);
  tell(fd, option, decision.remedy, refusal, is_new);
  return 0;
}

// All options, and all that may be to be done about them.
__attribute__((noinline)) static int set_any(int fd, int level, int number, const void *value,
                                             socklen_t length) {
  int before = errno_get();
  const struct mptcpize_option *option = mptcpize_option_find(level, number);
  bool is_adjusted = option && option->remedy == MPTCPIZE_ADJUST && !option->is_bytes;
  if (is_adjusted && level == SOL_SOCKET) return set_receive_buffer(fd, option, value, length);
  if (option && mptcpize_option_is_out_of_range(option, value, length) && is_mptcp(fd)) {
    errno_set(EINVAL);
    return -1;
  }
  int result = is_adjusted ? set_cork(fd, option, value, length)
                           : next.setsockopt(fd, level, number, value, length);
  if (result == 0) {
    if (!option || is_adjusted) return 0;
    if (state() & STATE_KEPT) kept_drop(kernel_inode(fd), option);
    learn(fd, option);
    return 0;
  }
  int refusal = errno_get();
  if (!mptcpize_option_is_refusal(option, refusal) || !is_mptcp(fd)) return result;
  int error = decide(fd, option, level, number, value, length, refusal);
  errno_set(error ? error : before);
  return error ? -1 : 0;
}

int remedies_set(int fd, int level, int number, const void *value, socklen_t length) {
  uint32_t flags = state();
  if (flags & (STATE_INERT | STATE_STRICT)) {
    return next.setsockopt(fd, level, number, value, length);
  }
  bool is_late = remedies_is_plain(late, (unsigned int)level, (unsigned int)number);
  if (!is_late || (flags & STATE_KEPT)) return set_any(fd, level, number, value, length);
  // Most such sets are before connect, and need nothing but a look at the result.
  int before = errno_get();
  if (next.setsockopt(fd, level, number, value, length) == 0) {
    if (UNLIKELY(!__atomic_load_n(&looked, __ATOMIC_RELAXED))) look_for_connections();
    return 0;
  }
  if (errno_get() != EINVAL) return -1;
  errno_set(before);
  return set_any(fd, level, number, value, length);
}

// --- getsockopt -------------------------------------------------------------------------

// As the kernel does it: as many bytes as there is room for; IPPROTO_IP has single ones.
static int answer_int(int level, int32_t number, void *value, socklen_t *length) {
  if ((int32_t)*length < 0) return EINVAL;
  if (!value) return EFAULT;
  uint8_t *bytes = value;
  if (level == IPPROTO_IP && *length > 0 && *length < sizeof number && number >= 0 &&
      number <= UINT8_MAX) {
    *length = 1;
    bytes[0] = (uint8_t)number;
    return 0;
  }
  if (*length > sizeof number) *length = sizeof number;
  for (socklen_t i = 0; i < *length; i++) bytes[i] = ((const uint8_t *)&number)[i];
  return 0;
}

// The path MTU in TCP_INFO: tcpi_pmtu, include/uapi/linux/tcp.h.
static int answer_mtu(int fd, int level, void *value, socklen_t *length) {
  enum { STATE_WORD = 0, MTU_WORD = 15, WORDS = 16, CLOSED = 7, LISTENING = 10 };
  UNASKED(may_ask, UNASKED_QUESTIONS);
  if (!may_ask) return ENOPROTOOPT;
  uint32_t information[WORDS] = {0};
  socklen_t size = sizeof information;
  if (kernel_getsockopt(fd, IPPROTO_TCP, TCP_INFO, information, &size) < 0) return ENOPROTOOPT;
  uint32_t tcp_state = information[STATE_WORD] & 0xff;
  if (tcp_state == CLOSED || tcp_state == LISTENING || !information[MTU_WORD]) return ENOTCONN;
  return answer_int(level, (int32_t)information[MTU_WORD], value, length);
}

// The errno that the program sees, 0 for success.
static int answer(int fd, const struct mptcpize_option *option, int level, void *value,
                  socklen_t *length, int refusal) {
  int family = (int)kernel_get_int(fd, SOL_SOCKET, SO_DOMAIN);
  if (!option || (level == IPPROTO_IPV6 && family == AF_INET)) {
    return mptcpize_option_get_error(option, level, family, refusal);
  }
  int32_t number = option->initial;
  switch ((enum mptcpize_get)option->get) {
    case MPTCPIZE_GET_INT:
    case MPTCPIZE_GET_BOOL:
      kept_get(kernel_inode(fd), option, &number);
      return answer_int(level, number, value, length);
    case MPTCPIZE_GET_INITIAL:
      return answer_int(level, number, value, length);
    case MPTCPIZE_GET_EMPTY:
      *length = 0;
      return 0;
    case MPTCPIZE_GET_MTU:
      return answer_mtu(fd, level, value, length);
    case MPTCPIZE_GET_ERROR:
      break;
  }
  return mptcpize_option_get_error(option, level, family, refusal);
}

int remedies_get(int fd, int level, int number, void *value, socklen_t *length) {
  if (state() & (STATE_INERT | STATE_STRICT)) {
    return next.getsockopt(fd, level, number, value, length);
  }
  const struct mptcpize_option *option = mptcpize_option_find(level, number);
  int before = errno_get();
  int result = next.getsockopt(fd, level, number, value, length);
  if (result == 0) {
    // The kernel tells the value of some options that it does not let MPTCP set.
    int32_t kept;
    if (option && (state() & STATE_KEPT) && kept_get(kernel_inode(fd), option, &kept)) {
      answer_int(level, kept, value, length);
    }
    // MPTCP tells IPV6_V6ONLY of an AF_INET socket too.
    bool is_foreign = level == IPPROTO_IPV6 && is_mptcp(fd) &&
                      kernel_get_int(fd, SOL_SOCKET, SO_DOMAIN) == AF_INET;
    if (is_foreign) errno_set(EOPNOTSUPP);
    return is_foreign ? -1 : 0;
  }
  int refusal = errno_get();
  if (!mptcpize_option_is_refusal(NULL, refusal) || !length || !is_mptcp(fd)) return result;
  int error = answer(fd, option, level, value, length, refusal);
  errno_set(error ? error : before);
  return error ? -1 : 0;
}

bool remedies_answers_mark(int fd) {
  return !(state() & (STATE_INERT | STATE_STRICT)) && errno_get() == ENOTTY &&
         kernel_get_int(fd, SOL_SOCKET, SO_PROTOCOL) == MPTCPIZE_IPPROTO_MPTCP;
}
