// prctl and syscall, by which programs confine themselves.
//
// With seccomp(2): they may be killed for any call that their filter does not foresee, and none
// foresees ours. sshd's allows close, but not getsockopt; tor's allows socket(), but not with
// MPTCP's protocol. From then on nothing is recorded, and what the filter kills for, which is
// found out by running it here, is not done. A filter of one thread counts for all. One that was
// there before the program began, as containers have it, is not seen.
//
// With Landlock's rules for TCP (Linux 6.7), which MPTCP sockets pass by: new ones stay TCP.

#include <stdarg.h>

#include "SocketPolicy.h"
#include "cork.h"
#include "record.h"
#include "state.h"
#include "unread.h"

// include/uapi/linux/prctl.h, seccomp.h
enum { PR_SET_SECCOMP = 22, SECCOMP_MODE_STRICT = 1 };
enum { SECCOMP_SET_MODE_STRICT = 0, SECCOMP_SET_MODE_FILTER = 1 };

// --- What the library does without the program's having asked for it ------------------

enum { SOME_FD = 3, SOME_POINTER = 0x10000, SOME_LENGTH = 4 };

static bool spares(const struct mptcpize_filter *filter, int number, int first, int second,
                   int third) {
  const struct mptcpize_system_call call = {
      .number = number,
      .architecture = AUDIT_ARCH,
      .arguments = {(unsigned int)first, (unsigned int)second, (unsigned int)third, SOME_POINTER,
                    SOME_LENGTH},
  };
  return mptcpize_filter_spares(filter, &call);
}

static bool spares_option(const struct mptcpize_filter *filter, int level, int name) {
  return spares(filter, SYS_getsockopt, SOME_FD, level, name) &&
         spares(filter, SYS_setsockopt, SOME_FD, level, name);
}

static bool spares_mptcp(const struct mptcpize_filter *filter, int family) {
  static const int flags[] = {0, O_NONBLOCK, O_CLOEXEC, O_NONBLOCK | O_CLOEXEC};
  bool result = true;
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    int type = 1 | flags[i];  // SOCK_STREAM; the flags are open's
    result &= spares(filter, SYS_socket, family, type, MPTCPIZE_IPPROTO_MPTCP);
  }
  return result;
}

static bool spares_questions(const struct mptcpize_filter *filter) {
  return spares(filter, SYS_fstat, SOME_FD, SOME_POINTER, 0) &&
         spares(filter, SYS_fcntl, SOME_FD, F_GETFD, 0) &&
         spares(filter, SYS_getsockopt, SOME_FD, SOL_SOCKET, SO_PROTOCOL) &&
         spares(filter, SYS_getsockopt, SOME_FD, SOL_SOCKET, SO_DOMAIN) &&
         spares(filter, SYS_getsockopt, SOME_FD, IPPROTO_TCP, TCP_INFO) &&
         spares_option(filter, IPPROTO_TCP, TCP_NODELAY) &&
         spares_option(filter, IPPROTO_TCP, TCP_CORK);
}

static bool spares_replacement(const struct mptcpize_filter *filter) {
  static const struct {
    int number, first, second, third;
  } calls[] = {
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
  bool result = true;
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    result &= spares(filter, calls[i].number, calls[i].first, calls[i].second, calls[i].third);
  }
  size_t count;
  const struct mptcpize_option_key *options = mptcpize_option_carried(&count);
  for (size_t i = 0; i < count; i++) {
    result &= spares_option(filter, options[i].level, options[i].number);
  }
  return result;
}

static bool spares_counting(const struct mptcpize_filter *filter) {
  return spares(filter, SYS_ppoll, SOME_POINTER, 1, SOME_POINTER) &&
         spares(filter, SYS_recvfrom, SOME_FD, SOME_POINTER, 1) &&
         spares(filter, SYS_getsockopt, SOME_FD, SOL_SOCKET, SO_MEMINFO) &&
         spares(filter, SYS_getsockopt, SOME_FD, SOL_MPTCP, MPTCP_INFO) &&
         spares_option(filter, SOL_SOCKET, SO_RCVLOWAT);
}

// --- What follows of it --------------------------------------------------------------

static void stay_tcp(int family) {
  *(family == AF_INET ? &state_refusal_inet : &state_refusal_inet6) = EPERM;
  __atomic_fetch_or(&state_flags, 1u << family, __ATOMIC_RELEASE);
}

static void confined_by(const struct mptcpize_filter *filter) {
  state_stop_recording();
  if (!spares_mptcp(filter, AF_INET)) stay_tcp(AF_INET);
  if (!spares_mptcp(filter, AF_INET6)) stay_tcp(AF_INET6);
  if (!spares_questions(filter)) kernel_is_mute = true;
  if (!spares_counting(filter)) unread_leave_alone();
  if (!spares_replacement(filter)) {
    __atomic_fetch_or(&state_flags, STATE_FIXED, __ATOMIC_RELEASE);
  }
}

// Strict mode: nothing but read, write and _exit.
static void confined_strictly(void) {
  static const struct mptcpize_filter_step kill = {.code = 6 /* BPF_RET */};
  const struct mptcpize_filter filter = {1, &kill};
  confined_by(&filter);
}

INTERPOSED int prctl(int option, ...) {
  va_list list;
  va_start(list, option);
  unsigned long arguments[4];
  for (int i = 0; i < 4; i++) arguments[i] = va_arg(list, unsigned long);
  va_end(list);
  state();
  int result = next.prctl(option, arguments[0], arguments[1], arguments[2], arguments[3]);
  if (option == PR_SET_SECCOMP && result >= 0) {
    if (arguments[0] == SECCOMP_MODE_STRICT) {
      confined_strictly();
    } else {
      confined_by((const struct mptcpize_filter *)arguments[1]);
    }
  }
  return result;
}

#if HAS_TIME64_NAMES
ALSO_CALLED(int, __prctl_time64, "prctl", (int option, ...));
#endif

// include/uapi/linux/landlock.h; the same numbers on every architecture.
enum { SYS_landlock_create_ruleset = 444, SYS_landlock_restrict_self = 446 };
struct ruleset {
  uint64_t files, network;
};

// Whether a ruleset of this process has rules for the network.
static bool has_network_rules;

static void called(long number, const long *arguments) {
  switch (number) {
    case SYS_seccomp:
      if (arguments[0] == SECCOMP_SET_MODE_STRICT) confined_strictly();
      if (arguments[0] == SECCOMP_SET_MODE_FILTER) {
        confined_by((const struct mptcpize_filter *)arguments[2]);
      }
      break;
    case SYS_landlock_create_ruleset: {
      const struct ruleset *rules = (const struct ruleset *)arguments[0];
      if (rules && (size_t)arguments[1] >= sizeof *rules && rules->network) {
        has_network_rules = true;
      }
      break;
    }
    case SYS_landlock_restrict_self:
      if (!has_network_rules) break;
      stay_tcp(AF_INET);
      stay_tcp(AF_INET6);
      break;
  }
}

// libseccomp confines by it; libuv (node) closes by it, to be no cancellation point.
INTERPOSED long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (int i = 0; i < 6; i++) arguments[i] = va_arg(list, long);
  va_end(list);
  state();
  if (number == SYS_clone || number == SYS_clone3) state_share();
  if (number == SYS_close && !quiet_end()) {
    int fd = (int)arguments[0];
    cork_release(fd);
    if (recording()) record_closing(fd, MPTCPIZE_CAUSE_CLOSE);
  }
  long result = next.syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
                             arguments[4], arguments[5]);
  if (result >= 0) called(number, arguments);
  return result;
}
