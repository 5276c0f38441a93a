#include "remedies.h"

#include "SocketPolicy.h"
#include "carry.h"
#include "cork.h"
#include "fresh.h"
#include "kept.h"
#include "late.h"
#include "plain.h"
#include "program_memory.h"
#include "record.h"
#include "replace.h"
#include "stalls.h"
#include "state.h"
#include "tcp_info.h"

// Where the kernel may not be asked, a socket that refuses what TCP takes counts as one; and a
// larger buffer harms no other.
static bool is_mptcp(int fd) {
  int64_t protocol = kernel_get_int(fd, SOL_SOCKET, SO_PROTOCOL);
  return protocol < 0 ? protocol != -EBADF && protocol != -ENOTSOCK
                      : protocol == MPTCPIZE_IPPROTO_MPTCP;
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
  int32_t corked;
  __builtin_memcpy(&corked, setting->value, sizeof corked);  // the kernel has read it
  cork_set(fd, corked != 0);
  if (recording() && (was_corked || cork_is_set(fd))) {
    bool is_new = kept_put(kernel_inode(fd), setting->option, corked != 0);
    tell(fd, setting, MPTCPIZE_ADJUST, is_new);
  }
  errno_set(before);
  return 0;
}

// What TCP shows of a receive buffer that is set, or by default where no value is; -1: not known.
static int32_t receive_buffer_of_tcp(int fd, const struct mptcpize_setting *setting) {
  UNASKED(may_ask, UNASKED_REPLACEMENT);
  if (!may_ask) return -1;
  int socket = carry_plain_socket((int)kernel_get_int(fd, SOL_SOCKET, SO_DOMAIN));
  int32_t shown;
  return socket < 0 || carry_judge(socket, setting, &shown) ? -1 : shown;
}

static int set_receive_buffer(int fd, const struct mptcpize_setting *setting) {
  int32_t asked = 0;
  if (setting->length < sizeof asked || !is_mptcp(fd) ||
      !program_memory_read(&asked, setting->value, sizeof asked)) {
    return set_next(fd, setting);
  }
  uint64_t inode = kernel_inode(fd);
  if (stalls_prevented(fd)) {
    int32_t shown = receive_buffer_of_tcp(fd, setting);
    if (shown >= 0 && shown < MPTCPIZE_STALLS_RECEIVE_BUFFER) {
      tell(fd, setting, MPTCPIZE_ADJUST, kept_put(inode, setting->option, shown));
      return 0;
    }
  }
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

// --- Pointers that may be no good -------------------------------------------------------

// More than TCP takes of any value.
struct copy {
  uint8_t bytes[256];
};

// How much of a value TCP reads before it looks at what is set: sk_setsockopt, do_tcp_setsockopt,
// do_ip_setsockopt. The last one does so for the options only that it knows.
static socklen_t read_by_tcp(const struct mptcpize_setting *setting) {
  if (setting->length >= sizeof(int32_t)) return sizeof(int32_t);
  return setting->level == IPPROTO_IP && setting->length > 0 ? 1 : 0;
}

static bool is_readable_to_tcp(const struct mptcpize_setting *setting) {
  bool reads_all = setting->level == SOL_SOCKET || setting->level == IPPROTO_TCP;
  bool reads_known = setting->level == IPPROTO_IP && setting->option && !setting->option->is_bytes;
  int32_t unused;
  return (!reads_all && !reads_known) || setting->length > INT32_MAX ||
         program_memory_read(&unused, setting->value, read_by_tcp(setting));
}

// The same, but with a value that can be read; null where the program's cannot. For IPv6 no pointer
// is a 0 (do_ipv6_setsockopt).
static struct mptcpize_setting copied(const struct mptcpize_setting *setting, struct copy *copy) {
  struct mptcpize_setting result = *setting;
  result.value = NULL;
  if (setting->length > INT32_MAX) return result;  // nothing is read of those
  bool is_bytes = setting->option && setting->option->is_bytes;
  if (setting->length > sizeof copy->bytes) result.length = sizeof copy->bytes;
  socklen_t size = is_bytes ? result.length : read_by_tcp(setting);
  bool is_zero = setting->level == IPPROTO_IPV6 && !setting->value && !is_bytes;
  for (socklen_t i = 0; is_zero && i < size; i++) copy->bytes[i] = 0;
  if (is_zero || program_memory_read(copy->bytes, setting->value, size)) {
    result.value = copy->bytes;
  }
  return result;
}

// The kernel's own errno for what it writes an integer to, and the length of it that it has room
// for, as the kernel writes it: whatever number is there then.
static int check_room(int fd, socklen_t *length) {
  int32_t unused;
  UNASKED(may_ask, UNASKED_QUESTIONS);
  if (may_ask) return (int)-kernel_getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &unused, length);
  if (!length) return EFAULT;
  if ((int32_t)*length < 0) return EINVAL;
  if (*length > sizeof unused) *length = sizeof unused;
  return 0;
}

// The same for the integer itself.
static int check_place(int fd, void *value, socklen_t length) {
  UNASKED(may_ask, UNASKED_QUESTIONS);
  if (may_ask) return (int)-kernel_getsockopt(fd, SOL_SOCKET, SO_DOMAIN, value, &length);
  return value || !length ? 0 : EFAULT;
}

// --- setsockopt -----------------------------------------------------------------------

// Whether it asks for the device that the socket is bound to, or for none where it has none: over
// TCP that changes nothing. net/core/sock.c, sock_setbindtodevice(): an empty name is none.
static bool asks_for_present_device(int fd, const struct mptcpize_setting *setting) {
  enum { LONGEST = 15 };  // IFNAMSIZ, less the NUL
  int64_t device = kernel_get_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX);
  const uint8_t *asked = setting->value;
  if (device < 0 || (!asked && setting->length)) return false;
  if (!setting->option->is_bytes) {
    int32_t number = 0;
    if (setting->length < sizeof number) return false;
    for (size_t i = 0; i < sizeof number; i++) ((uint8_t *)&number)[i] = asked[i];
    return number == device;
  }
  uint8_t present[LONGEST + 1] = {0};
  socklen_t size = sizeof present;
  if (kernel_getsockopt(fd, SOL_SOCKET, setting->number, present, &size) < 0) return false;
  for (socklen_t i = 0; i < LONGEST; i++) {
    uint8_t byte = i < setting->length ? asked[i] : 0;
    if (byte != present[i]) return false;
    if (!byte) return true;
  }
  return true;
}

// The errno that the program sees, 0 for success.
static int carry_out(int fd, const struct mptcpize_setting *setting,
                     const struct mptcpize_decision *decision) {
  if (decision->replace) {
    bool is_late = setting->option && setting->option->when != MPTCPIZE_AT_ONCE;
    int result = is_late ? late_set(fd, setting) : replace_with_tcp(fd, setting);
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
  struct copy copy;
  struct mptcpize_setting readable = copied(setting, &copy);
  bool is_present = setting->option && setting->option->hint == MPTCPIZE_HINT_PRESENT &&
                    asks_for_present_device(fd, &readable);
  if (is_present) {
    errno_set(before);
    return 0;
  }
  if (!is_readable_to_tcp(setting)) {
    errno_set(EFAULT);
    return -1;
  }
  struct mptcpize_decision decision = mptcpize_option_decide(&readable);
  int error = carry_out(fd, setting, &decision);
  errno_set(error ? error : before);
  return error ? -1 : 0;
}

static bool is_out_of_range(const struct mptcpize_setting *setting) {
  struct copy copy;
  struct mptcpize_setting readable = copied(setting, &copy);
  return mptcpize_option_is_out_of_range(&readable);
}

// All options, and all that may be to be done about them.
__attribute__((noinline)) static int set_any(int fd, int level, int number, const void *value,
                                             socklen_t length) {
  int before = errno_get();
  const struct mptcpize_option *option = mptcpize_option_find(level, number);
  if (state() & STATE_POLICY) {
    bool is_carried = carry_note(level, number);
    if (!is_carried || (option && option->remedy == MPTCPIZE_ADJUST)) fresh_settle(fd);
  }
  struct mptcpize_setting setting = {option, level, number, value, length, 0, 0};
  if (!option) return set_next(fd, &setting) ? remedy(fd, &setting, before) : 0;
  if (option->remedy == MPTCPIZE_ADJUST && !option->is_bytes) {
    if (option->level == SOL_SOCKET) return set_receive_buffer(fd, &setting);
    return set_cork(fd, &setting) ? remedy(fd, &setting, before) : 0;
  }
  if (option->unchecked && is_out_of_range(&setting) && is_mptcp(fd)) {
    errno_set(EINVAL);
    return -1;
  }
  if (set_next(fd, &setting)) return remedy(fd, &setting, before);
  if (state() & STATE_KEPT) kept_drop(kernel_inode(fd), option);
  if (level == IPPROTO_TCP && number == TCP_NODELAY) cork_renew(fd);
  plain_learn(fd, option);
  return 0;
}

int remedies_set(int fd, int level, int number, const void *value, socklen_t length) {
  uint32_t flags = state();
  if (flags & (STATE_INERT | STATE_STRICT)) {
    return next.setsockopt(fd, level, number, value, length);
  }
  stalls_note(level, number);
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
static int answer_int(int fd, int level, int32_t number, void *value, socklen_t *length) {
  int error = check_room(fd, length);
  if (error) return error;
  uint8_t *bytes = value;
  if (level == IPPROTO_IP && *length > 0 && *length < sizeof number && number >= 0 &&
      number <= UINT8_MAX) {
    *length = 1;
  }
  error = check_place(fd, value, *length);
  for (socklen_t i = 0; !error && i < *length; i++) bytes[i] = ((const uint8_t *)&number)[i];
  return error;
}

// The path MTU in TCP_INFO: tcpi_pmtu, include/uapi/linux/tcp.h.
static int answer_mtu(int fd, int level, void *value, socklen_t *length) {
  enum { STATE_WORD = 0, MTU_WORD = 15, WORDS = 16, CLOSED = 7, LISTENING = 10 };
  uint32_t information[WORDS] = {0};
  socklen_t size = sizeof information;
  if (kernel_getsockopt(fd, IPPROTO_TCP, TCP_INFO, information, &size) < 0) return ENOPROTOOPT;
  bool is_closed = (information[STATE_WORD] & 0xff) == CLOSED;
  if (is_closed) tcp_info_mend(fd, (uint8_t *)information, size);
  uint32_t tcp_state = information[STATE_WORD] & 0xff;
  if (tcp_state == CLOSED || tcp_state == LISTENING || !information[MTU_WORD]) return ENOTCONN;
  return answer_int(fd, level, (int32_t)information[MTU_WORD], value, length);
}

// The errno that the program sees, 0 for success.
static int answer(int fd, const struct mptcpize_option *option, int level, void *value,
                  socklen_t *length, int refusal) {
  int family = (int)kernel_get_int(fd, SOL_SOCKET, SO_DOMAIN);
  int32_t room;
  bool is_known = level == SOL_SOCKET || level == IPPROTO_IP || level == IPPROTO_TCP ||
                  (level == IPPROTO_IPV6 && family == AF_INET6);
  if (is_known && !program_memory_read(&room, length, sizeof room)) return EFAULT;
  if (is_known && room < 0) return EINVAL;
  if (!option || (level == IPPROTO_IPV6 && family == AF_INET)) {
    return mptcpize_option_get_error(option, level, family, refusal);
  }
  int32_t number = option->initial;
  switch ((enum mptcpize_get)option->get) {
    case MPTCPIZE_GET_INT:
    case MPTCPIZE_GET_BOOL:
      kept_get(kernel_inode(fd), option, &number);
      return answer_int(fd, level, number, value, length);
    case MPTCPIZE_GET_INITIAL:
      return answer_int(fd, level, number, value, length);
    case MPTCPIZE_GET_EMPTY: {
      int error = check_room(fd, length);
      if (!error) *length = 0;
      return error;
    }
    case MPTCPIZE_GET_MTU:
      return answer_mtu(fd, level, value, length);
    case MPTCPIZE_GET_ERROR:
      break;
  }
  return mptcpize_option_get_error(option, level, family, refusal);
}

// What the library has set by itself, and its effects, are not the program's to see: TCP would show
// its default. False: nothing of this.
static bool hides(int fd, int level, int number, const void *value, socklen_t length,
                  int32_t *shown) {
  if (!(state() & STATE_STALLS) || length != sizeof *shown) return false;
  int32_t found = *(const int32_t *)value;
  if (level == IPPROTO_TCP && number == TCP_NOTSENT_LOWAT) {
    *shown = 0;
    return found == MPTCPIZE_STALLS_NOT_SENT;
  }
  enum { SOCK_RCVBUF_LOCK = 2 };
  if (level == SOL_SOCKET && number == SO_BUF_LOCK && state() & STATE_KEPT) {
    const struct mptcpize_option *buffer = mptcpize_option_find(SOL_SOCKET, SO_RCVBUF);
    bool is_chosen = kept_get(kernel_inode(fd), buffer, shown);
    *shown = found | SOCK_RCVBUF_LOCK;
    return is_chosen;
  }
  bool is_buffer = level == SOL_SOCKET && number == SO_RCVBUF && is_mptcp(fd);
  if (!is_buffer || kernel_get_int(fd, SOL_SOCKET, SO_BUF_LOCK) & SOCK_RCVBUF_LOCK) return false;
  const struct mptcpize_setting none = {.level = level, .number = number};
  *shown = receive_buffer_of_tcp(fd, &none);
  return *shown >= 0 && *shown < found;
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
    if (option && ((state() & STATE_KEPT && kept_get(kernel_inode(fd), option, &kept)) ||
                   hides(fd, level, number, value, *length, &kept))) {
      answer_int(fd, level, kept, value, length);
    }
    // MPTCP tells IPV6_V6ONLY of an AF_INET socket too.
    bool is_foreign = level == IPPROTO_IPV6 && is_mptcp(fd) &&
                      kernel_get_int(fd, SOL_SOCKET, SO_DOMAIN) == AF_INET;
    if (is_foreign) errno_set(EOPNOTSUPP);
    return is_foreign ? -1 : 0;
  }
  int refusal = errno_get();
  if (!mptcpize_option_is_refusal(NULL, refusal) || !is_mptcp(fd)) return result;
  int error = answer(fd, option, level, value, length, refusal);
  errno_set(error ? error : before);
  return error ? -1 : 0;
}

bool remedies_answers_mark(int fd) {
  return !(state() & (STATE_INERT | STATE_STRICT)) && errno_get() == ENOTTY &&
         kernel_get_int(fd, SOL_SOCKET, SO_PROTOCOL) == MPTCPIZE_IPPROTO_MPTCP;
}
