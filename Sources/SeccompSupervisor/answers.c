// What getsockopt, and the ioctl in the option table, answer if MPTCP refuses.

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kept.h"
#include "stalls.h"

// As the kernel does it: as many bytes as there is room for; IPPROTO_IP has single ones.
static struct outcome answer_bytes(struct caller *caller, const struct call *call,
                                   const void *bytes, int32_t size) {
  bool is_written = caller_write(caller, call->arguments[3], bytes, (size_t)size) &&
                    caller_write(caller, call->arguments[4], &size, sizeof size);
  return is_written ? OUTCOME_SUCCESS : outcome_error(EFAULT);
}

static struct outcome answer_int(struct caller *caller, const struct call *call, int level,
                                 int32_t number, int32_t room) {
  if (room > (int32_t)sizeof number) room = sizeof number;
  bool is_byte = level == IPPROTO_IP && room > 0 && room < (int32_t)sizeof number && number >= 0 &&
                 number <= UINT8_MAX;
  return answer_bytes(caller, call, &number, is_byte ? 1 : room);
}

// The path MTU in TCP_INFO: tcpi_pmtu, include/uapi/linux/tcp.h.
static struct outcome answer_mtu(struct caller *caller, const struct call *call,
                                 const struct target *target, int32_t room) {
  enum { STATE_WORD = 0, MTU_WORD = 15, WORDS = 16, CLOSED = 7, LISTENING = 10 };
  uint32_t information[WORDS] = {0};
  socklen_t size = sizeof information;
  if (getsockopt(target->fd, IPPROTO_TCP, TCP_INFO, information, &size) < 0) {
    return outcome_error(ENOPROTOOPT);
  }
  uint32_t state = information[STATE_WORD] & 0xff;
  if (state == CLOSED || state == LISTENING || !information[MTU_WORD]) {
    return outcome_error(ENOTCONN);
  }
  return answer_int(caller, call, IPPROTO_IP, (int32_t)information[MTU_WORD], room);
}

static struct outcome answer(struct caller *caller, const struct call *call,
                             const struct target *target, int32_t room, int refusal) {
  const struct mptcpize_option *option = target->option;
  int level = (int)call->arguments[1];
  bool is_foreign = level == IPPROTO_IPV6 && target->family == AF_INET;
  int error = mptcpize_option_get_error(option, level, target->family, refusal);
  if (is_foreign || !option) return outcome_error(error);
  switch ((enum mptcpize_get)option->get) {
    case MPTCPIZE_GET_INT:
    case MPTCPIZE_GET_BOOL:
    case MPTCPIZE_GET_INITIAL:
      return answer_int(caller, call, level, option->initial, room);
    case MPTCPIZE_GET_EMPTY:
      return answer_bytes(caller, call, "", 0);
    case MPTCPIZE_GET_MTU:
      return answer_mtu(caller, call, target, room);
    case MPTCPIZE_GET_ERROR:
      break;
  }
  return outcome_error(error);
}

// What the kernel tells by itself, it is to tell: asked on our own account, without the caller's
// memory.
static struct outcome get_on(const struct server *server, struct caller *caller,
                             const struct target *target, const struct call *call) {
  const struct mptcpize_option *option = target->option;
  int level = (int)call->arguments[1];
  int32_t room, kept;
  if (!caller_read(caller, call->arguments[4], &room, sizeof room)) return outcome_error(EFAULT);
  if (room < 0) return outcome_error(EINVAL);
  bool is_kept = option && kept_get(server->shared, target->inode, target->line, &kept);
  if (is_kept && option->get != MPTCPIZE_GET_INITIAL) {
    return answer_int(caller, call, level, kept, room);
  }
  uint8_t bytes[VALUE_MOST] = {0};
  socklen_t length = sizeof bytes;
  if (getsockopt(target->fd, level, (int)call->arguments[2], bytes, &length) == 0) {
    // MPTCP tells IPV6_V6ONLY of an AF_INET socket too.
    if (level == IPPROTO_IPV6 && target->family == AF_INET) return outcome_error(EOPNOTSUPP);
    int32_t found, shown;
    memcpy(&found, bytes, sizeof found);
    bool is_hidden = stalls_hides(caller, target, call, found, &shown);
    return is_hidden ? answer_int(caller, call, level, shown, room) : OUTCOME_GO_ON;
  }
  int refusal = errno;
  if (!mptcpize_option_is_refusal(NULL, refusal)) return OUTCOME_GO_ON;
  return answer(caller, call, target, room, refusal);
}

struct outcome getsockopt_call(struct server *server, struct caller *caller,
                               const struct call *call) {
  struct target target;
  if (!target_open(caller, (int)call->arguments[0], (int)call->arguments[1],
                   (int)call->arguments[2], &target)) {
    return OUTCOME_GO_ON;
  }
  stalls_seen(server, &target);
  // Whoever reads the error clears it.
  bool is_error = (int)call->arguments[1] == SOL_SOCKET && (int)call->arguments[2] == SO_ERROR;
  struct outcome outcome = is_error ? OUTCOME_GO_ON : get_on(server, caller, &target, call);
  if (outcome.kind == ENDS) count(server, SECCOMP_OPTIONS_ANSWERED);
  close(target.fd);
  return outcome;
}

// --- ioctl ---------------------------------------------------------------------------------------

// SIOCATMARK: MPTCP delivers urgent data in line, so there never is a mark.
struct outcome ioctl_call(struct server *server, struct caller *caller, const struct call *call) {
  struct target target;
  int32_t zero = 0;
  if (!target_open(caller, (int)call->arguments[0], MPTCPIZE_LEVEL_IOCTL, (int)call->arguments[1],
                   &target)) {
    return OUTCOME_GO_ON;
  }
  close(target.fd);
  count(server, SECCOMP_OPTIONS_ANSWERED);
  bool is_written = caller_write(caller, call->arguments[2], &zero, sizeof zero);
  return is_written ? OUTCOME_SUCCESS : outcome_error(EFAULT);
}
