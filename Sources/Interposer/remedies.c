#include "remedies.h"

#include "SocketPolicy.h"
#include "cork.h"
#include "kept.h"
#include "plain.h"
#include "record.h"
#include "replace.h"
#include "state.h"

// Where the kernel may not be asked, a socket that refuses what TCP takes counts as one; and a
// larger buffer harms no other.
static bool is_mptcp(int fd) {
  return !unasked_allowed(UNASKED_QUESTIONS) ||
         kernel_get_int(fd, SOL_SOCKET, SO_PROTOCOL) == MPTCPIZE_IPPROTO_MPTCP;
}

// Once for each socket and option, or a program that sets one for each packet fills the ring.
static void tell(int fd, const struct mptcpize_setting *setting, int remedy, bool is_new) {
  if (is_new && recording()) {
    record_remedied(fd, setting->level, setting->number, remedy, setting->refusal);
  }
}

static int set_next(int fd, const struct mptcpize_setting *setting) {
  return next.setsockopt(fd, setting->level, setting->number, setting->value, setting->length);
}

// --- Adjusted options ---------------------------------------------------------------

static int set_cork(int fd, const struct mptcpize_setting *setting) {
  int before = errno_get();
  int result = set_next(fd, setting);
  if (result) return result;
  bool was_corked = cork_is_set(fd);
  int64_t corked = kernel_get_int(fd, IPPROTO_TCP, TCP_CORK);
  cork_set(fd, corked > 0);
  if (recording() && (was_corked || cork_is_set(fd))) {
    bool is_new = kept_put(kernel_inode(fd), setting->option, corked > 0);
    tell(fd, setting, MPTCPIZE_ADJUST, is_new);
  }
  errno_set(before);
  return 0;
}

static int set_receive_buffer(int fd, const struct mptcpize_setting *setting) {
  int32_t asked = 0;
  if (!setting->value || setting->length < sizeof asked || !is_mptcp(fd)) {
    return set_next(fd, setting);
  }
  for (size_t i = 0; i < sizeof asked; i++) {
    ((uint8_t *)&asked)[i] = ((const uint8_t *)setting->value)[i];
  }
  uint64_t inode = kernel_inode(fd);
  // The kernel takes a negative size for the largest there is.
  if (asked < 0 || asked >= MPTCPIZE_RECEIVE_BUFFER_MINIMUM) {
    kept_drop(inode, setting->option);
    return set_next(fd, setting);
  }
  int32_t enough = MPTCPIZE_RECEIVE_BUFFER_MINIMUM;
  struct mptcpize_setting raised = *setting;
  raised.value = &enough;
  raised.length = sizeof enough;
  int result = set_next(fd, &raised);
  if (result == 0) {
    bool is_new = kept_put(inode, setting->option, mptcpize_receive_buffer_shown(asked));
    tell(fd, setting, MPTCPIZE_ADJUST, is_new);
  }
  return result;
}

// --- setsockopt -----------------------------------------------------------------------

// The errno that the program sees, 0 for success.
static int carry_out(int fd, const struct mptcpize_setting *setting,
                     const struct mptcpize_decision *decision) {
  if (decision->replace) {
    int result = replace_with_tcp(fd, setting);
    if (result != REPLACE_FAILED) return result;
  }
  if (decision->remedy == MPTCPIZE_REFUSE) return decision->error;
  bool is_new = true;
  if (decision->keep) is_new = kept_put(kernel_inode(fd), setting->option, decision->kept);
  tell(fd, setting, decision->remedy, is_new);
  return 0;
}

static int remedy(int fd, struct mptcpize_setting *setting, int before) {
  setting->refusal = errno_get();
  if (!mptcpize_option_is_refusal(setting->option, setting->refusal) || !is_mptcp(fd)) return -1;
  setting->family = (int32_t)kernel_get_int(fd, SOL_SOCKET, SO_DOMAIN);
  struct mptcpize_decision decision = mptcpize_option_decide(setting);
  int error = carry_out(fd, setting, &decision);
  errno_set(error ? error : before);
  return error ? -1 : 0;
}

// All options, and all that may be to be done about them.
__attribute__((noinline)) static int set_any(int fd, int level, int number, const void *value,
                                             socklen_t length) {
  int before = errno_get();
  const struct mptcpize_option *option = mptcpize_option_find(level, number);
  struct mptcpize_setting setting = {option, level, number, value, length, 0, 0};
  if (!option) return set_next(fd, &setting) ? remedy(fd, &setting, before) : 0;
  if (option->remedy == MPTCPIZE_ADJUST && !option->is_bytes) {
    if (option->level == SOL_SOCKET) return set_receive_buffer(fd, &setting);
    return set_cork(fd, &setting) ? remedy(fd, &setting, before) : 0;
  }
  if (mptcpize_option_is_out_of_range(&setting) && is_mptcp(fd)) {
    errno_set(EINVAL);
    return -1;
  }
  if (set_next(fd, &setting)) return remedy(fd, &setting, before);
  if (state() & STATE_KEPT) kept_drop(kernel_inode(fd), option);
  plain_learn(fd, option);
  return 0;
}

int remedies_set(int fd, int level, int number, const void *value, socklen_t length) {
  uint32_t flags = state();
  if (flags & (STATE_INERT | STATE_STRICT)) {
    return next.setsockopt(fd, level, number, value, length);
  }
  bool is_early = plain_has(plain_early, (unsigned int)level, (unsigned int)number);
  if (is_early && !(flags & STATE_KEPT)) {
    // Most such sets are before connect, and need nothing but a look at the result.
    int before = errno_get();
    if (next.setsockopt(fd, level, number, value, length) == 0) return 0;
    if (errno_get() != EINVAL) return -1;
    errno_set(before);
  }
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
