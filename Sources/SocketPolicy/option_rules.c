// What a line of the option table means for one call.

#include "SocketOptions.h"
#include "option_numbers.h"

enum { AF_INET = 2 };

bool mptcpize_option_is_refusal(const struct mptcpize_option *option, int error) {
  if (error == ENOPROTOOPT || error == EOPNOTSUPP) return true;
  return option && option->connected && error == EINVAL;
}

static struct mptcpize_decision refuse(int error) {
  return (struct mptcpize_decision){.remedy = MPTCPIZE_REFUSE, .error = (int16_t)error};
}

// The integer as TCP reads it: IPPROTO_IP takes single bytes too. Programs pass
// pointers of any alignment.
static int read_value(int level, const void *value, uint32_t length, int32_t *number) {
  const uint8_t *bytes = value;
  *number = 0;
  if (length < (level == IPPROTO_IP ? 1 : sizeof *number)) return EINVAL;
  if (!value) return EFAULT;
  if (length < sizeof *number) {
    *number = bytes[0];
  } else {
    for (size_t i = 0; i < sizeof *number; i++) ((uint8_t *)number)[i] = bytes[i];
  }
  return 0;
}

static bool is_zero(const void *value, uint32_t length) {
  const uint8_t *bytes = value;
  for (uint32_t i = 0; bytes && i < length; i++) {
    if (bytes[i]) return false;
  }
  return true;
}

static bool asks_for_nothing(const struct mptcpize_option *option, const void *value,
                             uint32_t length, int32_t number) {
  switch ((enum mptcpize_hint)option->hint) {
    case MPTCPIZE_HINT_ZERO:
      return option->is_bytes ? is_zero(value, length) : number == 0;
    case MPTCPIZE_HINT_INITIAL:
      return number == option->initial || number == -1;
    case MPTCPIZE_HINT_NEVER:
      break;
  }
  return false;
}

static bool is_in_range(const struct mptcpize_option *option, int32_t number) {
  return number >= option->low && number <= option->high;
}

bool mptcpize_option_is_out_of_range(const struct mptcpize_option *option, const void *value,
                                     uint32_t length) {
  int32_t number;
  return option->unchecked && read_value(option->level, value, length, &number) == 0 &&
         !is_in_range(option, number);
}

// What TCP's getsockopt makes of a value that was set. net/ipv4/tcp.c, do_tcp_setsockopt().
static int32_t shown(const struct mptcpize_option *option, int32_t number) {
  enum { LONGEST_LINGER = 120, SMALLEST_CLAMP = 1152 };
  if (option->get == MPTCPIZE_GET_BOOL) return number != 0;
  if (option->level == IPPROTO_IPV6 && option->number == IPV6_TCLASS && number == -1) return 0;
  if (option->level != IPPROTO_TCP) return number;
  if (option->number == TCP_LINGER2) {
    if (number == 0) return option->initial;
    if (number < 0) return -1;
    return number > LONGEST_LINGER ? LONGEST_LINGER : number;
  }
  if (option->number == TCP_WINDOW_CLAMP && number && number < SMALLEST_CLAMP) {
    return SMALLEST_CLAMP;
  }
  return number;
}

struct mptcpize_decision mptcpize_option_decide(const struct mptcpize_option *option, int level,
                                                int family, const void *value, uint32_t length,
                                                int refusal, bool replaceable) {
  // An AF_INET socket knows no IPv6 option, and what has no line TCP does not know either.
  if (!option || (level == IPPROTO_IPV6 && family == AF_INET)) {
    // These two look at the length before the number.
    bool is_short = (level == SOL_SOCKET || level == IPPROTO_TCP) && length < sizeof(int32_t);
    return refuse(refusal == EINVAL || is_short ? EINVAL : ENOPROTOOPT);
  }
  if (length > INT32_MAX) return refuse(EINVAL);
  uint8_t remedy = option->remedy;
  bool is_answer = remedy == MPTCPIZE_ADJUST;  // its get is, that is
  if (is_answer || (remedy == MPTCPIZE_REFUSE && option->hint == MPTCPIZE_HINT_NEVER)) {
    return refuse(option->error ? option->error : refusal);
  }
  int32_t number = 0;
  if (!option->is_bytes) {
    int error = read_value(level, value, length, &number);
    if (error) return refuse(error);
  }
  if (asks_for_nothing(option, value, length, number)) {
    remedy = MPTCPIZE_IGNORE;
    if (option->hint == MPTCPIZE_HINT_INITIAL) number = option->initial;
  } else if (remedy == MPTCPIZE_DEMOTE) {
    // TCP itself judges the value of an option for which the socket is replaced.
    remedy = replaceable ? remedy : option->otherwise;
  }
  if (remedy == MPTCPIZE_REFUSE) return refuse(option->error ? option->error : refusal);
  if (remedy != MPTCPIZE_DEMOTE && !option->is_bytes && !is_in_range(option, number)) {
    return refuse(EINVAL);
  }
  return (struct mptcpize_decision){
      .remedy = remedy,
      .keep = remedy == MPTCPIZE_IGNORE && !option->is_bytes,
      .kept = shown(option, number),
  };
}

int mptcpize_option_get_error(const struct mptcpize_option *option, int level, int family,
                              int refusal) {
  if (level == IPPROTO_IPV6 && family == AF_INET) return refusal;
  // The generic options are read by the same code for both.
  if (!option) return level == SOL_SOCKET ? refusal : ENOPROTOOPT;
  return option->get == MPTCPIZE_GET_ERROR && option->get_error ? option->get_error : refusal;
}

int32_t mptcpize_receive_buffer_shown(int32_t asked) {
  enum { FLOOR = 2304 };
  if (asked < FLOOR / 2) return FLOOR;
  return asked > INT32_MAX / 2 ? INT32_MAX : asked * 2;
}
