#include "cork.h"

#include "SocketPolicy.h"
#include "kept.h"
#include "plain.h"
#include "state.h"

// One bit for each descriptor; fs.nr_open's default, the most that RLIMIT_NOFILE can
// be raised to. 128 KiB of .bss each, of which only pages that are written to exist. A bit
// that is out of date, for a descriptor closed behind our back, costs one system call
// without effect.
enum { DESCRIPTORS = 1 << 20, BITS = sizeof(unsigned long) * 8 };

// `corked` is inherited by children, who have the socket too and may uncork it. `ours` are those
// that the process `owner` has corked itself: its children may close theirs and end without a
// push, for the socket is not closed by that. A vfork child, whose memory this is, is one of them.
static unsigned long corked[DESCRIPTORS / BITS], ours[DESCRIPTORS / BITS];

// Servers cork once for each response: who it is that does is not asked each time. A page of its
// own, which a fork empties (madvise(2), Linux 4.14), tells whether it is still the process that
// asked. Where pages are larger, or the kernel older, each is asked anew.
enum { PAGE = 4096, MADV_WIPEONFORK = 18 };
static _Alignas(PAGE) struct {
  int32_t owner;
  char rest[PAGE - sizeof(int32_t)];
} emptied;
static enum { UNTRIED, EMPTIED, KEPT } page_state;

// Those that were MPTCP when they were corked. A TCP socket that has such a number later is
// uncorked in vain.
static unsigned long mptcp[DESCRIPTORS / BITS];

// Those with TCP_NODELAY: uncorking pushes. Here a bit that is out of date, for a descriptor closed
// behind our back, costs another socket of that number its push: up to 40 ms.
static unsigned long pushing[DESCRIPTORS / BITS];

static bool has(const unsigned long *bits, int fd) {
  if (fd < 0 || fd >= DESCRIPTORS) return false;
  return __atomic_load_n(&bits[fd / BITS], __ATOMIC_RELAXED) >> (fd % BITS) & 1;
}

static void add(unsigned long *bits, int fd) {
  __atomic_fetch_or(&bits[fd / BITS], 1ul << (fd % BITS), __ATOMIC_RELAXED);
}

static void take(unsigned long *bits, int fd) {
  if (has(bits, fd)) __atomic_fetch_and(&bits[fd / BITS], ~(1ul << (fd % BITS)), __ATOMIC_RELAXED);
}

bool cork_is_set(int fd) { return has(corked, fd); }

// Asked each time: a vfork child has its parent's pages.
static bool is_owner(void) {
  UNASKED(may_ask, UNASKED_QUESTIONS);
  return may_ask && __atomic_load_n(&emptied.owner, __ATOMIC_RELAXED) == kernel_getpid();
}

static bool is_emptied(void) {
  if (__atomic_load_n(&page_state, __ATOMIC_RELAXED) == UNTRIED && !(state() & STATE_CONFINED)) {
    long refused = syscall3(SYS_madvise, (long)&emptied, PAGE, MADV_WIPEONFORK);
    __atomic_store_n(&page_state, refused ? KEPT : EMPTIED, __ATOMIC_RELAXED);
  }
  return __atomic_load_n(&page_state, __ATOMIC_RELAXED) == EMPTIED;
}

// False where the process may not ask which one it is.
static bool become_owner(void) {
  if (is_emptied() && __atomic_load_n(&emptied.owner, __ATOMIC_RELAXED)) return true;
  UNASKED(may_ask, UNASKED_QUESTIONS);
  if (!may_ask) return false;
  int32_t self = kernel_getpid();
  if (__atomic_load_n(&emptied.owner, __ATOMIC_RELAXED) == self) return true;
  for (size_t i = 0; i < DESCRIPTORS / BITS; i++) {
    if (__atomic_load_n(&ours[i], __ATOMIC_RELAXED)) {
      __atomic_store_n(&ours[i], 0, __ATOMIC_RELAXED);
    }
  }
  __atomic_store_n(&emptied.owner, self, __ATOMIC_RELAXED);
  return true;
}

static void mark(int fd) {
  add(corked, fd);
  if (become_owner()) add(ours, fd);
  __atomic_fetch_or(&state_flags, STATE_CORKED, __ATOMIC_RELAXED);
}

static void forget(int fd) {
  take(corked, fd);
  take(ours, fd);
}

static bool is_mptcp(int fd) {
  if (has(mptcp, fd)) return true;
  if (kernel_get_int(fd, SOL_SOCKET, SO_PROTOCOL) != MPTCPIZE_IPPROTO_MPTCP) return false;
  add(mptcp, fd);
  return true;
}

// With TCP_NODELAY uncorking pushes by itself. Without it, Nagle's algorithm keeps the last segment
// while others are not acknowledged, which TCP does not do here: setting TCP_NODELAY pushes it. It
// stays set, or each response of a server would take two calls more. The program does not see it.
static void push(int fd) {
  if (has(pushing, fd)) return;
  UNASKED(may_push, UNASKED_QUESTIONS);
  int64_t before = may_push ? kernel_get_int(fd, IPPROTO_TCP, TCP_NODELAY) : -1;
  if (before < 0) return;
  const struct mptcpize_option *option = mptcpize_option_find(IPPROTO_TCP, TCP_NODELAY);
  plain_exclude(option);
  int32_t one = 1;
  if (!before) {
    if (kernel_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0) return;
    kept_put(kernel_inode(fd), option, 0);
  }
  add(pushing, fd);
}

void cork_renew(int fd) { take(pushing, fd); }

void cork_set(int fd, bool set) {
  if (fd < 0 || fd >= DESCRIPTORS) return;
  if (set) {
    if (is_mptcp(fd)) mark(fd);
  } else if (cork_is_set(fd)) {
    forget(fd);
    push(fd);
  }
}

static void uncork(int fd) {
  UNASKED(may_push, UNASKED_QUESTIONS);
  if (!may_push) return;
  int32_t zero = 0;
  forget(fd);
  kernel_setsockopt(fd, IPPROTO_TCP, TCP_CORK, &zero, sizeof zero);
}

void cork_shutdown(int fd) {
  if (cork_is_set(fd)) uncork(fd);
}

void cork_release(int fd) {
  take(pushing, fd);
  if (has(ours, fd) && is_owner()) uncork(fd);
}

static unsigned long word_of(const unsigned long *bits, unsigned int fd) {
  return __atomic_load_n(&bits[fd / BITS], __ATOMIC_RELAXED);
}

void cork_release_range(unsigned int first, unsigned int last) {
  if (!(state() & STATE_CORKED)) return;
  for (unsigned int fd = first; fd <= last && fd < DESCRIPTORS;) {
    if (word_of(ours, fd) | word_of(pushing, fd)) {
      cork_release((int)fd);
      fd++;
    } else {
      fd = (fd / BITS + 1) * BITS;
    }
  }
}
