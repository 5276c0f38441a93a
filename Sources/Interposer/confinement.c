// The calls by which programs confine themselves: prctl, seccomp, landlock_restrict_self, and
// syscall, by which libseccomp and most others make them.
//
// With seccomp(2), the kernel may kill a program for any call that its filter does not expect, and
// no filter expects ours. sshd's allows close, but not getsockopt; tor's allows socket(), but not
// with MPTCP's protocol. The library runs the filter, and no longer makes calls that it kills for.
// A filter of one thread counts for all threads; that of a vfork child counts for the child alone.
// The library does not see a filter from before the program began, as containers have it.
//
// Landlock's rules for TCP (Linux 6.7) do not apply to MPTCP sockets: new sockets stay TCP.
//
// Before the program's call, all kinds of calls are forbidden, because other threads may be under
// the filter before the call returns (SECCOMP_FILTER_FLAG_TSYNC). Afterwards they are allowed again
// as far as the filter permits.

#include <stdarg.h>

#include "SocketPolicy.h"
#include "cork.h"
#include "fresh.h"
#include "record.h"
#include "stalls.h"
#include "state.h"

// include/uapi/linux/prctl.h, seccomp.h
enum { PR_GET_NO_NEW_PRIVS = 39 };
enum { PR_SET_SECCOMP = 22, SECCOMP_MODE_STRICT = 1, SECCOMP_MODE_FILTER = 2 };
enum { SECCOMP_SET_MODE_STRICT = 0, SECCOMP_SET_MODE_FILTER = 1 };
enum { SECCOMP_FILTER_FLAG_NEW_LISTENER = 8 };

// --- What the library does without the program's having asked for it ------------------

enum { SOME_FD = 3, SOME_POINTER = 0x10000, SOME_LENGTH = 4 };

struct unasked_call {
  int number, first, second, third;
};

static enum mptcpize_verdict verdict(const struct mptcpize_filter *filter, int number, int first,
                                     int second, int third) {
  const struct mptcpize_system_call call = {
      .number = number,
      .architecture = AUDIT_ARCH,
      .arguments = {(unsigned int)first, (unsigned int)second, (unsigned int)third, SOME_POINTER,
                    SOME_LENGTH},
  };
  return mptcpize_filter_verdict(filter, &call);
}

// Whether no call is answered worse than so.
static bool spares(const struct mptcpize_filter *filter, enum mptcpize_verdict worst,
                   const struct unasked_call *calls, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const struct unasked_call *call = &calls[i];
    if (verdict(filter, call->number, call->first, call->second, call->third) > worst) return false;
  }
  return true;
}

static bool spares_options(const struct mptcpize_filter *filter) {
  size_t count;
  const struct mptcpize_option_key *options = mptcpize_option_carried(&count);
  for (size_t i = 0; i < count; i++) {
    int level = options[i].level, number = options[i].number;
    const struct unasked_call calls[] = {{SYS_getsockopt, SOME_FD, level, number},
                                         {SYS_setsockopt, SOME_FD, level, number}};
    if (!spares(filter, MPTCPIZE_VERDICT_REFUSED, calls, 2)) return false;
  }
  return true;
}

// A supervisor that would be asked for TCP too may be asked for MPTCP.
static bool spares_mptcp(const struct mptcpize_filter *filter, int family) {
  static const int flags[] = {0, O_NONBLOCK, O_CLOEXEC, O_NONBLOCK | O_CLOEXEC};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    int type = 1 | flags[i];  // SOCK_STREAM; the flags are open's
    enum mptcpize_verdict mptcp = verdict(filter, SYS_socket, family, type, MPTCPIZE_IPPROTO_MPTCP);
    if (mptcp <= MPTCPIZE_VERDICT_REFUSED) continue;
    if (mptcp == MPTCPIZE_VERDICT_KILLED ||
        verdict(filter, SYS_socket, family, type, 0) != MPTCPIZE_VERDICT_ASKED) {
      return false;
    }
  }
  return true;
}

static const struct unasked_call questions[] = {
    {SYS_fstat, SOME_FD, SOME_POINTER, 0},
    {SYS_fcntl, SOME_FD, F_GETFD, 0},
    {SYS_getpid, 0, 0, 0},
    {SYS_getsockopt, SOME_FD, SOL_SOCKET, SO_PROTOCOL},
    {SYS_getsockopt, SOME_FD, SOL_SOCKET, SO_DOMAIN},
    {SYS_getsockopt, SOME_FD, IPPROTO_TCP, TCP_INFO},
    {SYS_getsockopt, SOME_FD, SOL_MPTCP, MPTCP_INFO},
    {SYS_getsockopt, SOME_FD, IPPROTO_TCP, TCP_NODELAY},
    {SYS_setsockopt, SOME_FD, IPPROTO_TCP, TCP_NODELAY},
    {SYS_getsockopt, SOME_FD, IPPROTO_TCP, TCP_CORK},
    {SYS_setsockopt, SOME_FD, IPPROTO_TCP, TCP_CORK},
};

static const struct unasked_call replacement[] = {
    {SYS_ppoll, SOME_POINTER, 1, SOME_POINTER},
    {SYS_socket, AF_INET, 1 | O_CLOEXEC, IPPROTO_TCP},
    {SYS_socket, AF_INET6, 1 | O_CLOEXEC, IPPROTO_TCP},
    {SYS_getsockname, SOME_FD, SOME_POINTER, SOME_POINTER},
    {SYS_bind, SOME_FD, SOME_POINTER, SOME_LENGTH},
    {SYS_openat, AT_FDCWD, SOME_POINTER, O_RDONLY | O_CLOEXEC},
    {SYS_read, SOME_FD, SOME_POINTER, SOME_LENGTH},
    {SYS_epoll_ctl, SOME_FD, EPOLL_CTL_ADD, SOME_FD},
    {SYS_epoll_ctl, SOME_FD, EPOLL_CTL_DEL, SOME_FD},
    {SYS_eventfd2, 0, O_CLOEXEC, 0},
    {SYS_rt_sigprocmask, 2, SOME_POINTER, SOME_POINTER},
    {SYS_dup3, SOME_FD, SOME_FD, O_CLOEXEC},
    {SYS_close, SOME_FD, 0, 0},
    {SYS_fcntl, SOME_FD, F_DUPFD_CLOEXEC, 0},
    {SYS_fcntl, SOME_FD, F_GETFD, 0},
    {SYS_fcntl, SOME_FD, F_GETFL, 0},
    {SYS_fcntl, SOME_FD, F_SETFL, 0},
    {SYS_fcntl, SOME_FD, F_GETSIG, 0},
    {SYS_fcntl, SOME_FD, F_SETSIG, 0},
    {SYS_fcntl, SOME_FD, F_GETOWN_EX, SOME_POINTER},
    {SYS_fcntl, SOME_FD, F_SETOWN_EX, SOME_POINTER},
};

// Besides the questions. The ways of asking are SocketPolicy's wire.c.
static const struct unasked_call records[] = {
    {SYS_getsockname, SOME_FD, SOME_POINTER, SOME_POINTER},
    {SYS_getpeername, SOME_FD, SOME_POINTER, SOME_POINTER},
    {SYS_getsockopt, SOME_FD, SOL_SOCKET, SO_ACCEPTCONN},
    {SYS_getsockopt, SOME_FD, IPPROTO_TCP, TCP_WINDOW_CLAMP},
    {SYS_ioctl, SOME_FD, SIOCOUTQNSD, SOME_POINTER},
    {SYS_openat, AT_FDCWD, SOME_POINTER, O_RDONLY | O_CLOEXEC},
    {SYS_read, SOME_FD, SOME_POINTER, SOME_LENGTH},
    {SYS_lseek, SOME_FD, SOME_LENGTH, 0},
    {SYS_close, SOME_FD, 0, 0},
    // Of programs that are started.
    {SYS_faccessat, AT_FDCWD, SOME_POINTER, 0},
    {SYS_statx, AT_FDCWD, SOME_POINTER, 0},
    {SYS_getxattr, SOME_POINTER, SOME_POINTER, SOME_POINTER},
    {SYS_readlinkat, AT_FDCWD, SOME_POINTER, SOME_POINTER},
    {SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0},
    {SYS_getuid, 0, 0, 0},
    {SYS_geteuid, 0, 0, 0},
    {SYS_getgid, 0, 0, 0},
    {SYS_getegid, 0, 0, 0},
};

static const struct unasked_call counting[] = {
    {SYS_ppoll, SOME_POINTER, 1, SOME_POINTER},
    {SYS_recvfrom, SOME_FD, SOME_POINTER, 1},
    {SYS_getsockopt, SOME_FD, SOL_SOCKET, SO_MEMINFO},
    {SYS_getsockopt, SOME_FD, SOL_SOCKET, SO_RCVLOWAT},
    {SYS_setsockopt, SOME_FD, SOL_SOCKET, SO_RCVLOWAT},
};

static const struct unasked_call stalls[] = {
    {SYS_getsockopt, SOME_FD, SOL_SOCKET, SO_PASSRIGHTS},
    {SYS_getsockopt, SOME_FD, SOL_MPTCP, MPTCP_INFO},
    {SYS_getsockopt, SOME_FD, SOL_SOCKET, SO_RCVLOWAT},
    {SYS_setsockopt, SOME_FD, SOL_SOCKET, SO_RCVLOWAT},
    {SYS_getsockopt, SOME_FD, IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {SYS_setsockopt, SOME_FD, IPPROTO_TCP, TCP_NOTSENT_LOWAT},
};

static const struct unasked_call settings[] = {
    {SYS_getsockopt, SOME_FD, SOL_SOCKET, SO_BINDTOIFINDEX},
    {SYS_getsockopt, SOME_FD, SOL_SOCKET, SO_MARK},
    {SYS_getsockopt, SOME_FD, SOL_SOCKET, SO_PRIORITY},
    {SYS_setsockopt, SOME_FD, SOL_SOCKET, SO_MARK},
    {SYS_setsockopt, SOME_FD, SOL_SOCKET, SO_PRIORITY},
    {SYS_setsockopt, SOME_FD, SOL_SOCKET, SO_REUSEADDR},
    {SYS_close, SOME_FD, 0, 0},
};

static const struct unasked_call pointers[] = {{SYS_epoll_ctl, -1, EPOLL_CTL_ADD, -1}};

static const struct unasked_call information[] = {
    {SYS_getsockopt, SOME_FD, SOL_MPTCP, MPTCP_INFO},
    {SYS_getsockopt, SOME_FD, SOL_MPTCP, MPTCP_TCPINFO},
    {SYS_ppoll, SOME_POINTER, 1, SOME_POINTER},
    {SYS_sendto, SOME_FD, 0, 0},
};

#define COUNT(calls) (sizeof(calls) / sizeof *(calls))

// The kinds of calls for which the filter kills, or has the caller wait for somebody. Where it
// answers with an errno, the library does without; only records would be wrong.
static uint32_t forbidden_by(const struct mptcpize_filter *filter) {
  const enum mptcpize_verdict allowed = MPTCPIZE_VERDICT_ALLOWED,
                              refused = MPTCPIZE_VERDICT_REFUSED;
  uint32_t kinds = 0;
  if (!spares_mptcp(filter, AF_INET)) kinds |= UNASKED_INET;
  if (!spares_mptcp(filter, AF_INET6)) kinds |= UNASKED_INET6;
  if (!spares(filter, refused, questions, COUNT(questions))) kinds |= UNASKED_QUESTIONS;
  if (kinds & UNASKED_QUESTIONS || !spares_options(filter) ||
      !spares(filter, refused, replacement, COUNT(replacement))) {
    kinds |= UNASKED_REPLACEMENT;
  }
  if (!spares(filter, refused, pointers, COUNT(pointers))) kinds |= UNASKED_POINTERS;
  if (!spares(filter, refused, settings, COUNT(settings))) kinds |= UNASKED_SETTINGS;
  if (!spares(filter, refused, stalls, COUNT(stalls))) kinds |= UNASKED_STALLS;
  if (!spares(filter, refused, information, COUNT(information))) kinds |= UNASKED_TCP_INFO;
  if (kinds & UNASKED_QUESTIONS || !spares(filter, refused, counting, COUNT(counting))) {
    kinds |= UNASKED_COUNTING;
  }
  if (!spares(filter, allowed, questions, COUNT(questions)) ||
      !spares(filter, allowed, records, COUNT(records))) {
    kinds |= UNASKED_RECORDS;
  }
  return kinds;
}

// --- The program's call ------------------------------------------------------------------

// The thread's ID as the C library has it in memory, 0 where it does not tell: the number of a
// thread's CPU clock is made of it (include/linux/posix-timers.h), by glibc and musl alike.
static int32_t thread_in_memory(void) {
  if (!next.pthread_self || !next.pthread_getcpuclockid) return 0;
  int32_t clock = 0;
  return next.pthread_getcpuclockid(next.pthread_self(), &clock) == 0 ? ~(clock >> 3) : 0;
}

static struct unasked_child *prepare(void) {
  __atomic_fetch_or(&state_flags, STATE_CONFINED, __ATOMIC_SEQ_CST);
  return unasked_prepare(thread_in_memory());
}

enum way { STRICT, FILTER, LANDLOCK };

// Behind the call: by what it has confined the program, if it has.
static long confined(struct unasked_child *child, bool succeeded, enum way way, const void *filter,
                     long result) {
  uint32_t kinds = 0;
  // Strict mode: nothing but read, write and _exit.
  if (succeeded && way == STRICT) kinds = UNASKED_ALL;
  if (succeeded && way == FILTER) kinds = forbidden_by(filter);
  if (succeeded && way == LANDLOCK) kinds = UNASKED_INET | UNASKED_INET6;
  unasked_forbid(child, kinds);
  return result;
}

typedef long prctl_call(const unsigned long *arguments);

// prctl by whatever way the program makes it.
static long confine_by_prctl(prctl_call *call, const unsigned long *arguments) {
  struct unasked_child *child = prepare();
  long result = call(arguments);
  return confined(child, result == 0, arguments[1] == SECCOMP_MODE_STRICT ? STRICT : FILTER,
                  (const void *)arguments[2], result);
}

static long call_prctl(const unsigned long *a) {
  return next.prctl((int)a[0], a[1], a[2], a[3], a[4]);
}

static long call_syscall_prctl(const unsigned long *a) {
  return next.syscall(SYS_prctl, a[0], a[1], a[2], a[3], a[4]);
}

INTERPOSED int prctl(int option, ...) {
  unsigned long arguments[5] = {(unsigned long)(long)option};
  va_list list;
  va_start(list, option);
  for (int i = 1; i < 5; i++) arguments[i] = va_arg(list, unsigned long);
  va_end(list);
  bool confines = !(state() & STATE_INERT) && option == PR_SET_SECCOMP;
  return (int)(confines ? confine_by_prctl(call_prctl, arguments) : call_prctl(arguments));
}

#if HAS_TIME64_NAMES
ALSO_CALLED(int, __prctl_time64, "prctl", (int option, ...));
#endif

// With TSYNC it may be the ID of a thread that stands in the way, with NEW_LISTENER a descriptor.
static bool has_succeeded(unsigned int flags, long result) {
  return flags & SECCOMP_FILTER_FLAG_NEW_LISTENER ? result >= 0 : result == 0;
}

static bool confines(unsigned int operation) {
  return !(state() & STATE_INERT) &&
         (operation == SECCOMP_SET_MODE_STRICT || operation == SECCOMP_SET_MODE_FILTER);
}

static long confined_by_seccomp(struct unasked_child *child, unsigned int operation,
                                unsigned int flags, const void *filter, long result) {
  return confined(child, has_succeeded(flags, result),
                  operation == SECCOMP_SET_MODE_STRICT ? STRICT : FILTER, filter, result);
}

// No C library has these three so far (glibc 2.42, musl 1.2.5); programs may bring their own.
INTERPOSED int seccomp(unsigned int operation, unsigned int flags, void *arguments) {
  if (!confines(operation)) return next.seccomp(operation, flags, arguments);
  struct unasked_child *child = prepare();
  long result = next.seccomp(operation, flags, arguments);
  return (int)confined_by_seccomp(child, operation, flags, arguments, result);
}

// include/uapi/linux/landlock.h
struct ruleset {
  uint64_t files, network;
};

// What this process knows of its rulesets. One that it has from elsewhere may have any rules.
static bool has_rulesets, has_network_rules;

static long created(const struct ruleset *rules, size_t size, uint32_t flags, long result) {
  if (result < 0 || flags) return result;  // flags ask for what the kernel has
  has_rulesets = true;
  if (size >= sizeof *rules && rules->network) has_network_rules = true;
  return result;
}

INTERPOSED int landlock_create_ruleset(const void *attributes, size_t size, uint32_t flags) {
  state();
  return (int)created(attributes, size, flags,
                      next.landlock_create_ruleset(attributes, size, flags));
}

// Without a ruleset only flags are set.
static bool restricts(int ruleset) {
  return ruleset >= 0 && (has_network_rules || !has_rulesets) && !(state() & STATE_INERT);
}

INTERPOSED int landlock_restrict_self(int ruleset, uint32_t flags) {
  state();
  if (!restricts(ruleset)) return next.landlock_restrict_self(ruleset, flags);
  struct unasked_child *child = prepare();
  long result = next.landlock_restrict_self(ruleset, flags);
  return (int)confined(child, result == 0, LANDLOCK, NULL, result);
}

// --- syscall -------------------------------------------------------------------------------

static long pass_on(long number, const long *a) {
  return next.syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void closing(int fd) {
  stalls_closing(fd);
  if (quiet_end()) return;
  cork_release(fd);
  if (recording()) record_closing(fd, MPTCPIZE_CAUSE_CLOSE);
}

// libseccomp confines by it; libuv (node) closes by it, to be no cancellation point.
INTERPOSED long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (int i = 0; i < 6; i++) arguments[i] = va_arg(list, long);
  va_end(list);
  state();
  struct unasked_child *child;
  switch (number) {
    case SYS_clone:
    case SYS_clone3:
      state_share();
      break;
    case SYS_close:
      closing((int)arguments[0]);
      break;
    // What the functions of these names would have told of one socket.
    case SYS_dup:
    case SYS_dup2:
    case SYS_dup3:
    case SYS_fcntl:
    case SYS_fcntl64:
    case SYS_epoll_ctl:
    case SYS_setsockopt:
    case SYS_sendmsg:
    case SYS_io_uring_setup:
      fresh_forget_all();
      break;
    case SYS_prctl:
      if ((int)arguments[0] != PR_SET_SECCOMP || state() & STATE_INERT) break;
      return confine_by_prctl(call_syscall_prctl, (const unsigned long *)arguments);
    case SYS_seccomp:
      if (!confines((unsigned int)arguments[0])) break;
      child = prepare();
      return confined_by_seccomp(child, (unsigned int)arguments[0], (unsigned int)arguments[1],
                                 (const void *)arguments[2], pass_on(number, arguments));
    case SYS_landlock_create_ruleset:
      return created((const struct ruleset *)arguments[0], (size_t)arguments[1],
                     (uint32_t)arguments[2], pass_on(number, arguments));
    case SYS_landlock_restrict_self: {
      if (!restricts((int)arguments[0])) break;
      child = prepare();
      long result = pass_on(number, arguments);
      return confined(child, result == 0, LANDLOCK, NULL, result);
    }
  }
  return pass_on(number, arguments);
}
