#include "plain.h"

#include "SocketPolicy.h"
#include "descriptors.h"
#include "state.h"

// A set of options of one level, as the words of plain_options; `B(n)` is option n.
#define B(number) (UINT64_C(1) << (number))
#if UINTPTR_MAX == UINT32_MAX
#define WORDS(set) \
  { (unsigned long)((set)&UINT32_MAX), (unsigned long)((set) >> 32) }
#else
#define WORDS(set) \
  { (set) }
#endif

// What MPTCP has taken since Linux 5.16, in every state. include/uapi/asm-generic/socket.h:
// SO_DEBUG, DONTROUTE, BROADCAST, SNDBUF, KEEPALIVE, PRIORITY, LINGER, RCVTIMEO, SNDTIMEO,
// TIMESTAMP, TIMESTAMPNS, MARK, TIMESTAMPING, BUSY_POLL. Not RCVLOWAT: see stalls_note.
#define SETTABLE                                                                              \
  (B(1) | B(5) | B(6) | B(7) | B(9) | B(12) | B(13) | B(20) | B(21) | B(29) | B(35) | B(36) | \
   B(37) | B(46))
// And what any socket tells: SO_TYPE, SO_ERROR, SO_RCVLOWAT, SO_ACCEPTCONN, SO_DOMAIN.
#define READABLE (SETTABLE | B(3) | B(4) | B(18) | B(30) | B(39))

plain_options plain_early;
plain_options plain_settable = {[SOL_SOCKET] = WORDS(SETTABLE)};
plain_options plain_readable = {[SOL_SOCKET] = WORDS(READABLE)};

static void change(plain_options options, const struct mptcpize_option *option, bool is_in) {
  unsigned int number = (unsigned int)option->number;
  if (number >= PLAIN_LIMIT) return;
  unsigned long *word = &options[option->level][number / PLAIN_BITS];
  unsigned long bit = 1ul << number % PLAIN_BITS;
  if (is_in) {
    __atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
  } else {
    __atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
  }
}

// A connection that fell back hands options to its TCP subflow, which takes them all.
static bool speaks_mptcp(int fd) {
  UNASKED(may_ask, UNASKED_QUESTIONS);
  if (!may_ask) return false;
  uint8_t information[4];
  socklen_t length = sizeof information;
  return kernel_getsockopt(fd, SOL_MPTCP, MPTCP_INFO, information, &length) >= 0;
}

static const struct mptcpize_option *excluded;

void plain_exclude(const struct mptcpize_option *option) {
  if (__atomic_exchange_n(&excluded, option, __ATOMIC_SEQ_CST) == option) return;
  change(plain_settable, option, false);
}

// An option that depends on the kernel alone is asked about only until it has worked;
// in a program that has no MPTCP socket, not for ever.
static void learn_settable(int fd, const struct mptcpize_option *option) {
  enum { TRIES = 256 };
  static uint32_t tries;
  if (option->unchecked || (unsigned int)option->number >= PLAIN_LIMIT) return;
  if (__atomic_load_n(&tries, __ATOMIC_RELAXED) >= TRIES) return;
  __atomic_fetch_add(&tries, 1, __ATOMIC_RELAXED);
  if (!speaks_mptcp(fd)) return;
  change(plain_settable, option, true);
  // After it, since another thread may be excluding it.
  if (option == __atomic_load_n(&excluded, __ATOMIC_SEQ_CST)) change(plain_settable, option, false);
}

// --- Options that the kernel takes before connect only: SO_REUSEADDR and its like -------------

static void change_early(plain_options options, bool is_in) {
  size_t count;
  const struct mptcpize_option *table = mptcpize_option_table(&count);
  for (size_t i = 0; i < count; i++) {
    if (table[i].connected) change(options, &table[i], is_in);
  }
}

static void look_at(int fd, void *context) {
  bool *found = context;
  int64_t protocol = kernel_get_int(fd, SOL_SOCKET, SO_PROTOCOL);
  bool is_tcp = protocol == IPPROTO_TCP || protocol == MPTCPIZE_IPPROTO_MPTCP;
  if (is_tcp && !kernel_is_unconnected(fd)) *found = true;
}

static void end_early(void) {
  change_early(plain_settable, false);
  __atomic_fetch_and(&state_flags, ~(uint32_t)STATE_FRESH, __ATOMIC_SEQ_CST);
}

// Their result has to be looked at only where there is a connection. While the process
// has none, and no listener that another thread may be waiting at, they count as plain;
// connect and accept end that. What is connected otherwise (MSG_FASTOPEN, io_uring) or arrives
// connected over a UNIX socket is not noticed: there EINVAL stays.
static void learn_early(void) {
  static bool looked;
  if (state() & STATE_POLICY) return;  // one of them would stand for all
  UNASKED(may_look, UNASKED_REPLACEMENT);
  if (!may_look || __atomic_exchange_n(&looked, true, __ATOMIC_RELAXED)) return;
  change_early(plain_early, true);
  // First, so that a connection made while we look is told of.
  __atomic_fetch_or(&state_flags, STATE_FRESH, __ATOMIC_SEQ_CST);
  bool found = false;
  descriptors_each_socket(look_at, &found);
  if (!found) change_early(plain_settable, true);
  if (found || !(state() & STATE_FRESH)) end_early();
}

void plain_learn(int fd, const struct mptcpize_option *option) {
  if (option->connected) {
    learn_early();
  } else {
    learn_settable(fd, option);
  }
}

void plain_unlearn(void) {
  for (size_t level = 0; level < PLAIN_LIMIT; level++) {
    for (size_t i = 0; i < PLAIN_LIMIT / PLAIN_BITS; i++) {
      __atomic_store_n(&plain_settable[level][i], 0, __ATOMIC_SEQ_CST);
    }
  }
}

void plain_connecting(void) {
  if (__atomic_load_n(&state_flags, __ATOMIC_SEQ_CST) & STATE_FRESH) end_early();
}
