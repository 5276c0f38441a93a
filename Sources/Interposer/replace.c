// A replacement happens completely or not at all. Everything that can be refused is first done to
// the new socket: it is complete, even bound, before the old one is changed. Then the old one
// leaves its epoll sets, dup3 puts the new one under each number, and the new one enters the sets.
// If a step fails, the steps before are undone by calls that have already succeeded once, because a
// limit, a filter or another thread may stop any call.

#include "replace.h"

#include "carry.h"
#include "descriptors.h"
#include "record.h"
#include "registrations.h"
#include "state.h"

struct replacement {
  int old, new;  // numbers of our own
  bool is_alone;
  struct numbers numbers;
  struct registrations registrations;
  struct carried carried;
};

// --- What there is --------------------------------------------------------------------

static void look_at(int fd, const struct kernel_file *file, void *context) {
  struct replacement *replacement = context;
  numbers_look_at(&replacement->numbers, fd, file);
  registrations_look_at(&replacement->registrations, fd, file);
}

// Whether all of it can be replaced. No number that another thread or process gives away meanwhile
// may be overwritten, and there is no dup3 that compares. But the only number of a socket is in
// use, by the call that led here.
static bool look(struct replacement *replacement, int fd) {
  struct numbers *numbers = &replacement->numbers;
  struct registrations *registrations = &replacement->registrations;
  if (kernel_get_file(fd, &numbers->file) < 0) return false;
  registrations->file = numbers->file;
  if (!descriptors_each(look_at, replacement) || numbers->failed || registrations->failed) {
    return false;
  }
  replacement->is_alone = descriptors_are_own();
  return numbers->count == 1 || (numbers->count > 1 && replacement->is_alone);
}

// --- The exchange ---------------------------------------------------------------------

struct search {
  const struct replacement *replacement;
  bool found;
};

static void look_again(int fd, void *context) {
  struct search *search = context;
  const struct replacement *replacement = search->replacement;
  if (fd != replacement->old && kernel_is_file(fd, &replacement->numbers.file)) {
    search->found = true;
  }
}

// Whether another thread has connected the old socket meanwhile, or given it one more number.
static bool is_overtaken(const struct replacement *replacement) {
  struct search search = {replacement, false};
  if (replacement->is_alone) return false;
  descriptors_each_socket(look_again, &search);
  return search.found || !kernel_is_unconnected(replacement->old);
}

// O_ASYNC is set through the number that the program knows, which its signals name.
static bool set_async(const struct replacement *replacement) {
  if (!replacement->carried.is_async) return true;
  int fd = replacement->numbers.entries[0].fd;
  long flags = syscall2(SYS_fcntl, fd, F_GETFL);
  return flags >= 0 && syscall3(SYS_fcntl, fd, F_SETFL, flags | O_ASYNC) >= 0;
}

static bool exchange(struct replacement *replacement) {
  const struct numbers *numbers = &replacement->numbers;
  struct registrations *registrations = &replacement->registrations;
  size_t done = 0;
  if (registrations_remove(registrations) && numbers_put(numbers, replacement->new, &done) &&
      !is_overtaken(replacement) && set_async(replacement) && registrations_make(registrations)) {
    return true;
  }
  numbers_put_back(numbers, replacement->old, done);
  // With its last number it leaves all sets.
  kernel_close(replacement->new);
  replacement->new = -1;
  registrations_make(registrations);
  return false;
}

// Watches are reserved by a file that is never ready, and in the sets until it is done.
static bool exchange_reserved(struct replacement *replacement) {
  if (replacement->registrations.count == 0) return exchange(replacement);
  int reserve = (int)syscall2(SYS_eventfd2, 0, O_CLOEXEC);
  if (reserve < 0) return false;
  bool result =
      registrations_reserve(&replacement->registrations, reserve) && exchange(replacement);
  kernel_close(reserve);
  return result;
}

// --- A listener whose address another process holds, too -------------------------------

// Inode numbers of new sockets whose old ones may still be bound to the same address.
enum { BOUND_MOST = 64 };
static uint64_t bound[BOUND_MOST];

static void remember(int fd) {
  static uint32_t turn;
  uint32_t place = __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) % BOUND_MOST;
  __atomic_store_n(&bound[place], kernel_inode(fd), __ATOMIC_RELAXED);
}

static bool is_remembered(int fd) {
  uint64_t inode = kernel_inode(fd);
  for (size_t i = 0; inode && i < BOUND_MOST; i++) {
    if (__atomic_load_n(&bound[i], __ATOMIC_RELAXED) == inode) return true;
  }
  return false;
}

// A listener may share its address with a socket that does not listen if both allow it when it
// begins to: net/ipv4/inet_connection_sock.c, inet_csk_get_port().
int replace_listen(int fd, int backlog) {
  int before = errno_get();
  int result = next.listen(fd, backlog);
  if (result == 0 || errno_get() != EADDRINUSE || !is_remembered(fd)) return result;
  int32_t one = 1, zero = 0;
  if (kernel_get_int(fd, SOL_SOCKET, SO_REUSEADDR) != 0) return result;
  kernel_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  errno_set(before);
  result = next.listen(fd, backlog);
  kernel_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &zero, sizeof zero);
  return result;
}

// --- The new socket -------------------------------------------------------------------

static int replace_by_new(struct replacement *replacement, const struct replace_reason *reason) {
  const struct carried *carried = &replacement->carried;
  int result = REPLACE_FAILED;
  bool is_carried = carry(replacement->old, replacement->numbers.file.inode, replacement->new,
                          &replacement->carried);
  // Which of several numbers the signals of O_ASYNC name is not known.
  if (is_carried && !(carried->is_async && replacement->numbers.count > 1)) {
    // Asked when all is as it would be.
    result = reason->ask ? reason->ask(replacement->new, reason->context) : 0;
    if (result == 0 && !exchange_reserved(replacement)) result = REPLACE_FAILED;
  }
  if (result != REPLACE_DONE) {
    carry_back(replacement->old, carried);
  } else if (carried->is_bound && carried->was_exclusive) {
    remember(replacement->new);
  }
  return result;
}

static int replace_old(struct replacement *replacement, const struct replace_reason *reason) {
  if (!kernel_is_file(replacement->old, &replacement->numbers.file)) return REPLACE_FAILED;
  int64_t family = kernel_get_int(replacement->old, SOL_SOCKET, SO_DOMAIN);
  if (family < 0) return REPLACE_FAILED;
  replacement->new = carry_socket(replacement->old, (int)family, IPPROTO_TCP);
  if (replacement->new < 0) return REPLACE_FAILED;
  int result = replace_by_new(replacement, reason);
  if (replacement->new >= 0) kernel_close(replacement->new);
  return result;
}

static void tell(const struct numbers *numbers, const struct replace_reason *reason) {
  if (!recording()) return;
  for (size_t i = 0; i < numbers->count; i++)
    reason->record(numbers->entries[i].fd, reason->context);
}

// Numbers that the epoll sets know are claimed before one of ours can take their place.
static int replace(int fd, const struct replace_reason *reason) {
  struct replacement replacement = {.is_alone = false};
  if (!look(&replacement, fd)) return REPLACE_FAILED;
  int result = REPLACE_FAILED;
  struct numbers *numbers = &replacement.numbers;
  if (registrations_claim(&replacement.registrations, numbers, replacement.is_alone)) {
    replacement.old = (int)syscall3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0);
    if (replacement.old >= 0) {
      result = replace_old(&replacement, reason);
      kernel_close(replacement.old);
    }
  }
  numbers_release(numbers);
  if (result == REPLACE_DONE) tell(numbers, reason);
  return result;
}

int replace_with_tcp_because(int fd, const struct replace_reason *reason) {
  UNASKED(may_replace, UNASKED_REPLACEMENT);
  if (!may_replace || !kernel_may_close() || !kernel_is_unconnected(fd)) return REPLACE_FAILED;
  uint64_t signals;
  if (!kernel_hold_signals(&signals)) return REPLACE_FAILED;
  int result = replace(fd, reason);
  kernel_release_signals(signals);
  return result;
}

// --- An option as the reason ------------------------------------------------------------

static long set(int socket, const struct mptcpize_setting *setting) {
  return kernel_setsockopt(socket, setting->level, setting->number, setting->value,
                           setting->length);
}

// 0, or TCP's errno. A refusal that does not last is not TCP's.
static int set_at_tcp(int socket, void *context) {
  const struct mptcpize_setting *setting = context;
  if (set(socket, setting) >= 0) return 0;
  return (int)-set(socket, setting);
}

static void record_option(int fd, void *context) {
  const struct mptcpize_setting *setting = context;
  record_remedied(fd, setting->level, setting->number, MPTCPIZE_DEMOTE, setting->refusal);
}

int replace_with_tcp(int fd, const struct mptcpize_setting *setting) {
  const struct replace_reason reason = {set_at_tcp, record_option, (void *)setting};
  return replace_with_tcp_because(fd, &reason);
}
