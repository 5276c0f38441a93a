#include "fresh.h"

#include "SocketPolicy.h"
#include "carry.h"
#include "kept.h"
#include "plain.h"
#include "program_memory.h"
#include "registrations.h"
#include "state.h"

// By number. Beyond the limit, sockets are not fresh. Entries of numbers that were closed stay, and
// are told by the inode. A program that uses a number in two threads at once, while it is closed in
// one of them, is lost without us too.
enum { LIMIT = 16384, NO_SET = -1 };

struct entry {
  uint64_t inode;  // 0: none
  uint64_t data;
  uint32_t events;
  int32_t epoll;  // the set that it is in, or NO_SET
  int16_t family;
  bool is_expected;  // TCP, and becomes MPTCP if it turns out that it may
};

static struct entry entries[LIMIT];
static int highest;  // of those that were TCP by expectation
static bool is_off;

static struct entry *entry_of(int fd) {
  return fd >= 0 && fd < LIMIT && !is_off ? &entries[fd] : NULL;
}

// How many sockets of a family have become TCP in a row, up to enough of them, in its half; above
// them, whether there ever were enough. One that has to be changed back costs as much as some ten
// that need not be changed.
enum { ENOUGH = 16, WERE_ENOUGH = 1 << 16 };
uint32_t fresh_expectation;

static int shift_of(int family) { return family == AF_INET6 ? 8 : 0; }

// What two threads note at once may count once.
static void expect(int family, bool is_tcp) {
  int shift = shift_of(family);
  uint32_t before = __atomic_load_n(&fresh_expectation, __ATOMIC_RELAXED);
  uint32_t count = before >> shift & 0xff;
  if (is_tcp && count == ENOUGH) return;
  count = is_tcp ? count + 1 : 0;
  uint32_t after = (before & ~(UINT32_C(0xff) << shift)) | count << shift;
  if (count == ENOUGH) after |= WERE_ENOUGH;
  __atomic_store_n(&fresh_expectation, after, __ATOMIC_RELAXED);
}

bool fresh_expects_tcp(int family) {
  uint32_t expectation = __atomic_load_n(&fresh_expectation, __ATOMIC_RELAXED);
  return (expectation >> shift_of(family) & 0xff) == ENOUGH && !is_off;
}

static void note_highest(int fd) {
  int before = __atomic_load_n(&highest, __ATOMIC_RELAXED);
  while (fd > before && !__atomic_compare_exchange_n(&highest, &before, fd, true, __ATOMIC_RELAXED,
                                                     __ATOMIC_RELAXED)) {
  }
}

void fresh_made(int fd, int family, bool is_expected) {
  static bool begun;
  if (!__atomic_exchange_n(&begun, true, __ATOMIC_SEQ_CST)) plain_unlearn();
  struct entry *entry = entry_of(fd);
  if (entry) {
    *entry = (struct entry){.inode = kernel_inode(fd), .epoll = NO_SET};
    entry->family = (int16_t)family;
    entry->is_expected = is_expected;
    if (is_expected) note_highest(fd);
  }
}

static bool is_one_shot_or_second(const struct entry *entry, int epoll, uint32_t events) {
  return (entry->epoll != NO_SET && entry->epoll != epoll) || events & EPOLLONESHOT;
}

void fresh_registering(int epoll, int fd, const struct epoll_registration *event) {
  const struct entry *entry = entry_of(fd);
  struct epoll_registration copy;
  if (!entry || !entry->inode || !entry->is_expected) return;
  if (!program_memory_read(&copy, event, sizeof copy)) return;
  if (is_one_shot_or_second(entry, epoll, copy.events)) fresh_settle(fd);
}

void fresh_registered(int epoll, int operation, int fd, const struct epoll_registration *event) {
  struct entry *entry = entry_of(fd);
  if (!entry || !entry->inode) return;
  if (operation == EPOLL_CTL_DEL) {
    if (entry->epoll == epoll) entry->epoll = NO_SET;
    return;
  }
  // A one-shot registration may have fired, and none can be made that is silent.
  if (is_one_shot_or_second(entry, epoll, event->events)) {
    entry->inode = 0;
    return;
  }
  entry->epoll = epoll;
  entry->events = event->events;
  entry->data = event->data;
}

// --- Taking its place -------------------------------------------------------------------

static bool is_bound(int fd) {
  union socket_address address = {.inet6 = {0}};
  socklen_t length = sizeof address;
  if (syscall3(SYS_getsockname, fd, (long)&address, (long)&length) < 0) return true;
  const uint8_t *bytes = (const uint8_t *)&address;
  for (size_t i = sizeof address.family; i < length && i < sizeof address; i++) {
    if (bytes[i]) return true;
  }
  return false;
}

static void see(const struct mptcpize_option *option, int32_t value, void *context) {
  (void)option, (void)value;
  *(bool *)context = true;
}

static bool is_kept_of(uint64_t inode) {
  bool found = false;
  if (state() & STATE_KEPT) kept_each(inode, see, &found);
  return found;
}

static bool carry_status(int from, int to) {
  long flags = syscall2(SYS_fcntl, from, F_GETFL);
  if (flags < 0 || flags & O_ASYNC) return false;
  return flags == O_RDWR || syscall3(SYS_fcntl, to, F_SETFL, flags) >= 0;
}

// Twice: what has been seen to succeed is not refused for good.
static bool put(int fd, int socket) {
  long flags = syscall2(SYS_fcntl, fd, F_GETFD);
  if (flags < 0) return false;
  int kind = flags & FD_CLOEXEC ? O_CLOEXEC : 0;
  long result = syscall3(SYS_dup3, socket, fd, kind);
  if (result < 0) result = syscall3(SYS_dup3, socket, fd, kind);
  return result >= 0;
}

// The old socket stays at hand until the new one is in the set.
static bool exchange_beside(int fd, int new, struct registrations *set) {
  int old = (int)syscall3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0);
  if (old < 0) return false;
  bool is_done = false;
  set->entries[0].is_removed =
      syscall4(SYS_epoll_ctl, set->entries[0].epoll, EPOLL_CTL_DEL, fd, 0) >= 0;
  if (set->entries[0].is_removed) {
    bool is_put = put(fd, new);
    is_done = is_put && registrations_make(set);
    if (is_put && !is_done) put(fd, old);
    if (!is_done) registrations_make(set);
  }
  kernel_close(old);
  return is_done;
}

// Its watch is reserved beforehand, as in replace.c.
static bool exchange_in_set(int fd, int new, const struct entry *entry) {
  struct registrations set = {.count = 1};
  set.entries[0].epoll = entry->epoll;
  set.entries[0].fd = fd;
  set.entries[0].event = (struct epoll_registration){entry->events, entry->data};
  int reserve = (int)syscall2(SYS_eventfd2, 0, O_CLOEXEC);
  if (reserve < 0) return false;
  bool is_done = registrations_reserve(&set, reserve) && exchange_beside(fd, new, &set);
  kernel_close(reserve);
  return is_done;
}

static bool exchange(int fd, int new, const struct entry *entry) {
  uint64_t signals;
  if (entry->epoll == NO_SET) return put(fd, new);
  if (!kernel_hold_signals(&signals)) return false;
  bool is_done = exchange_in_set(fd, new, entry);
  kernel_release_signals(signals);
  return is_done;
}

// By a socket of this protocol.
static bool replace_by(int protocol, int fd, const struct entry *entry) {
  UNASKED(may_replace, UNASKED_REPLACEMENT);
  if (!may_replace || (state() & STATE_STRICT) || !kernel_may_close() ||
      !kernel_is_unconnected(fd) || is_bound(fd) || is_kept_of(entry->inode)) {
    return false;
  }
  int new = carry_socket(fd, entry->family, protocol);
  if (new < 0) return false;
  bool is_done = carry_noted(fd, new) && carry_status(fd, new) && exchange(fd, new, entry);
  kernel_close(new);
  return is_done;
}

// Its entry, which it has no more. False where there is none, or the number is another file's.
static bool take(int fd, struct entry *entry) {
  struct entry *place = entry_of(fd);
  if (!place || !place->inode) return false;
  *entry = *place;
  place->inode = 0;
  return kernel_inode(fd) == entry->inode;
}

void fresh_settle(int fd) {
  struct entry *place = entry_of(fd), entry;
  if (!place || !place->is_expected || !take(fd, &entry)) return;
  expect(entry.family, false);
  UNASKED(may_make, entry.family == AF_INET ? UNASKED_INET : UNASKED_INET6);
  if (!may_make || !replace_by(MPTCPIZE_IPPROTO_MPTCP, fd, &entry)) return;
  place->is_expected = false;
  place->inode = kernel_inode(fd);
}

void fresh_forget(int fd) {
  struct entry *entry = entry_of(fd);
  fresh_settle(fd);
  if (!entry || !entry->inode) return;
  expect(entry->family, false);
  entry->inode = 0;
}

void fresh_forget_all(void) {
  if (is_off) return;
  for (int fd = 0; fd <= __atomic_load_n(&highest, __ATOMIC_RELAXED); fd++) fresh_settle(fd);
  is_off = true;
}

bool fresh_replace(int fd) {
  struct entry entry;
  if (!take(fd, &entry)) return false;
  if (entry.is_expected) return true;
  bool is_done = replace_by(IPPROTO_TCP, fd, &entry);
  if (is_done) expect(entry.family, true);
  return is_done;
}
