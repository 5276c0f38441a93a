// Socket options that TCP accepts and MPTCP refuses, handled by SocketPolicy's table, like in the
// preload library.
//
// The supervisor sets nothing for the caller that the caller could not set itself: only sizes of
// buffers and TCP_NODELAY. If the kernel must decide, the caller's own call continues. If another
// thread changes a value meanwhile, this affects only that thread's own process.

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kept.h"
#include "records.h"
#include "stalls.h"

// A connection whose peer does not speak MPTCP hands its options to its TCP subflow.
static bool has_fallen_back(int fd) {
  enum { FALLBACK = 1 };
  long flags = target_mptcp_flags(fd);
  return flags < 0 || flags & FALLBACK;
}

// But none of IPv4's of an AF_INET6 socket (Linux 6.18), and none that MPTCP does not know at all,
// which it refuses with ENOPROTOOPT before it looks (mptcp_supported_sockopt).
static bool is_handed_on(const struct target *target, int known) {
  int level = target->option->level;
  if (known == ENOPROTOOPT) return false;
  if (level == SOL_SOCKET || (level == IPPROTO_IP && target->family == AF_INET6)) return false;
  return has_fallen_back(target->fd);
}

// --- setsockopt ----------------------------------------------------------------------------------

struct setting {
  uint8_t bytes[VALUE_MOST];
  struct mptcpize_setting means;
};

static void tell(struct server *server, struct caller *caller, const struct target *target,
                 int remedy, int refusal) {
  int got = remedy == MPTCPIZE_DEMOTE ? IPPROTO_TCP : MPTCPIZE_IPPROTO_MPTCP;
  record_remedied(server, caller, target->theirs, target->inode, target->family, got,
                  target->option, remedy, refusal);
}

static struct outcome keep(struct server *server, struct caller *caller,
                           const struct target *target, int remedy, int32_t value, int refusal) {
  bool is_new = kept_put(server->shared, target->inode, target->line, value);
  count_remedy(server, remedy);
  if (is_new) tell(server, caller, target, remedy, refusal);
  return OUTCOME_SUCCESS;
}

static struct outcome drop(struct server *server, const struct target *target) {
  kept_drop(server->shared, target->inode, target->line);
  return OUTCOME_GO_ON;
}

static struct outcome set_receive_buffer(struct server *server, struct caller *caller,
                                         const struct target *target, int32_t asked) {
  int32_t shown;
  if (stalls_choose_buffer(caller, target, asked, &shown)) {
    return keep(server, caller, target, MPTCPIZE_ADJUST, shown, 0);
  }
  // The kernel takes a negative size for the largest there is.
  if (asked < 0 || asked >= MPTCPIZE_RECEIVE_BUFFER_MINIMUM) return drop(server, target);
  int enough = MPTCPIZE_RECEIVE_BUFFER_MINIMUM;
  if (setsockopt(target->fd, SOL_SOCKET, SO_RCVBUF, &enough, sizeof enough) < 0) {
    return OUTCOME_GO_ON;
  }
  shown = mptcpize_receive_buffer_shown(asked);
  return keep(server, caller, target, MPTCPIZE_ADJUST, shown, 0);
}

// MPTCP leaves what is corked to a timer of 200 ms, when it is uncorked and when it is closed, of
// which nobody tells us. Uncorking is the kernel's: it may have been corked before.
static struct outcome set_cork(struct server *server, struct caller *caller,
                               const struct target *target, int32_t asked) {
  if (asked == 0) return drop(server, target);
  int on = 1;
  if (setsockopt(target->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) return OUTCOME_GO_ON;
  return keep(server, caller, target, MPTCPIZE_ADJUST, 1, 0);
}

// Whether it asks for the device that the socket is bound to, or for none where it has none.
static bool asks_for_present_device(const struct target *target, const struct setting *setting) {
  enum { LONGEST = 15 };  // IFNAMSIZ, less the NUL
  uint32_t length = setting->means.length;
  if (!target->option->is_bytes) {
    int32_t number;
    if (length < sizeof number) return false;
    memcpy(&number, setting->bytes, sizeof number);
    return number == target_int(target->fd, SOL_SOCKET, SO_BINDTOIFINDEX);
  }
  char present[LONGEST + 1] = {0}, asked[LONGEST + 1] = {0};
  socklen_t size = sizeof present;
  if (getsockopt(target->fd, SOL_SOCKET, SO_BINDTODEVICE, present, &size) < 0) return false;
  memcpy(asked, setting->bytes, length < LONGEST ? length : LONGEST);
  return strncmp(present, asked, LONGEST) == 0;
}

// The errno with which the kernel is going to refuse it; 0: it will not.
static int refusal_of(const struct server *server, const struct target *target) {
  bool is_fresh = replacement_is_possible(target->fd);
  bool is_listening = target_int(target->fd, SOL_SOCKET, SO_ACCEPTCONN) == 1;
  int known = server->supervision->refusals[target->line];
  if (!is_fresh && !is_listening) {
    if (is_handed_on(target, known)) return 0;
    if (!known && target->option->connected) return EINVAL;
  }
  return known;
}

static struct outcome mend(struct server *server, struct caller *caller, struct target *target,
                           struct setting *setting) {
  const struct mptcpize_option *option = target->option;
  struct mptcpize_setting *means = &setting->means;
  means->refusal = refusal_of(server, target);
  if (!means->refusal) {
    bool is_wrong = option->unchecked && mptcpize_option_is_out_of_range(means);
    return is_wrong ? outcome_error(EINVAL) : drop(server, target);
  }
  if (option->hint == MPTCPIZE_HINT_PRESENT && asks_for_present_device(target, setting)) {
    return OUTCOME_SUCCESS;
  }
  struct mptcpize_decision decision = mptcpize_option_decide(means);
  // When it would be decided at connect or at listen, of which nobody tells us, it is at once.
  if (decision.replace && replacement_put(server, caller, target->fd, &target->inode)) {
    tell(server, caller, target, MPTCPIZE_DEMOTE, means->refusal);
    return OUTCOME_GO_ON;
  }
  if (decision.keep) {
    return keep(server, caller, target, decision.remedy, decision.kept, means->refusal);
  }
  count_remedy(server, decision.remedy);
  if (decision.remedy == MPTCPIZE_REFUSE) return outcome_error(decision.error);
  tell(server, caller, target, decision.remedy, means->refusal);
  return OUTCOME_SUCCESS;
}

// What has no line either MPTCP takes, or TCP does not know it. The kernel is asked on a socket of
// our own, and without a value, with which nothing can be set.
static struct outcome set_without_line(const struct server *server, const struct target *target,
                                       const struct call *call) {
  int level = (int)call->arguments[1], number = (int)call->arguments[2];
  int own = socket(target->family, SOCK_STREAM | SOCK_CLOEXEC, MPTCPIZE_IPPROTO_MPTCP);
  if (own < 0) return OUTCOME_GO_ON;
  int error = setsockopt(own, level, number, NULL, 0) < 0 ? errno : 0;
  close(own);
  if (!mptcpize_option_is_refusal(NULL, error)) return OUTCOME_GO_ON;
  count_remedy(server, MPTCPIZE_REFUSE);
  const struct mptcpize_setting setting = {.level = level,
                                           .number = number,
                                           .length = (uint32_t)call->arguments[4],
                                           .family = target->family,
                                           .refusal = error};
  return outcome_error(mptcpize_option_decide(&setting).error);
}

static struct outcome set_on(struct server *server, struct caller *caller, struct target *target,
                             const struct call *call) {
  const struct mptcpize_option *option = target->option;
  if (!option) return set_without_line(server, target, call);
  if (!filter_is_mended(server->supervision, (size_t)target->line)) return OUTCOME_GO_ON;
  struct setting setting = {.means = {.option = option, .family = target->family}};
  int32_t length = (int32_t)call->arguments[4];
  setting.means.level = option->level;
  setting.means.number = option->number;
  if (length < 0) return OUTCOME_GO_ON;
  setting.means.length = length > VALUE_MOST ? VALUE_MOST : (uint32_t)length;
  setting.means.value = setting.bytes;
  uint32_t size = setting.means.length;
  if (!option->is_bytes && size > sizeof(int32_t)) size = sizeof(int32_t);
  uint64_t address = call->arguments[3];
  // For IPv6 no pointer is a 0 (do_ipv6_setsockopt).
  bool is_zero = option->level == IPPROTO_IPV6 && !address && !option->is_bytes;
  if (!is_zero && !caller_read(caller, address, setting.bytes, size)) return outcome_error(EFAULT);
  int32_t asked;
  memcpy(&asked, setting.bytes, sizeof asked);
  if (option->remedy == MPTCPIZE_ADJUST && !option->is_bytes) {
    if (size < sizeof asked) return OUTCOME_GO_ON;
    return option->level == SOL_SOCKET ? set_receive_buffer(server, caller, target, asked)
                                       : set_cork(server, caller, target, asked);
  }
  return mend(server, caller, target, &setting);
}

struct outcome setsockopt_call(struct server *server, struct caller *caller,
                               const struct call *call) {
  struct target target;
  if (!target_open(caller, (int)call->arguments[0], (int)call->arguments[1],
                   (int)call->arguments[2], &target)) {
    return OUTCOME_GO_ON;
  }
  stalls_seen(server, &target);
  struct outcome outcome = set_on(server, caller, &target, call);
  close(target.fd);
  return outcome;
}
