// Decides what a line of the option table means for one call.

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
static int read_value(const struct mptcpize_setting *setting, int32_t *number) {
  const uint8_t *bytes = setting->value;
  *number = 0;
  if (setting->length < (setting->level == IPPROTO_IP ? 1 : sizeof *number)) return EINVAL;
  if (!bytes) return EFAULT;
  if (setting->length < sizeof *number) {
    *number = bytes[0];
  } else {
    for (size_t i = 0; i < sizeof *number; i++) ((uint8_t *)number)[i] = bytes[i];
  }
  return 0;
}

static bool is_zero(const struct mptcpize_setting *setting) {
  const uint8_t *bytes = setting->value;
  for (uint32_t i = 0; i < setting->length; i++) {
    if (!bytes || bytes[i]) return false;
  }
  return true;
}

bool mptcpize_option_is_nothing(const struct mptcpize_option *option, int32_t number) {
  switch ((enum mptcpize_hint)option->hint) {
    case MPTCPIZE_HINT_ZERO:
      return number == 0;
    case MPTCPIZE_HINT_INITIAL:
      return number == option->initial || number == -1;
    case MPTCPIZE_HINT_NEVER:
    case MPTCPIZE_HINT_PRESENT:
      break;
  }
  return false;
}

static bool asks_for_nothing(const struct mptcpize_setting *setting, int32_t number) {
  const struct mptcpize_option *option = setting->option;
  if (option->is_bytes) return option->hint == MPTCPIZE_HINT_ZERO && is_zero(setting);
  return mptcpize_option_is_nothing(option, number);
}

static bool is_in_range(const struct mptcpize_option *option, int32_t number) {
  return number >= option->low && number <= option->high;
}

bool mptcpize_option_is_out_of_range(const struct mptcpize_setting *setting) {
  int32_t number;
  return setting->option->unchecked && read_value(setting, &number) == 0 &&
         !is_in_range(setting->option, number);
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

// Where the socket stays MPTCP.
static struct mptcpize_decision decide_in_place(const struct mptcpize_setting *setting, int remedy,
                                                int32_t number) {
  const struct mptcpize_option *option = setting->option;
  if (remedy == MPTCPIZE_REFUSE) return refuse(option->error ? option->error : setting->refusal);
  if (!option->is_bytes && !is_in_range(option, number)) return refuse(EINVAL);
  return (struct mptcpize_decision){
      .remedy = (uint8_t)remedy,
      .keep = !option->is_bytes,
      .kept = shown(option, number),
  };
}

struct mptcpize_decision mptcpize_option_decide(const struct mptcpize_setting *setting) {
  const struct mptcpize_option *option = setting->option;
  int level = setting->level, refusal = setting->refusal;
  // An AF_INET socket knows no IPv6 option, and what has no line TCP does not know either.
  if (!option || (level == IPPROTO_IPV6 && setting->family == AF_INET)) {
    // These two look at the length before the number.
    bool is_short = (level == SOL_SOCKET || level == IPPROTO_TCP) && setting->length < 4;
    return refuse(refusal == EINVAL || is_short ? EINVAL : ENOPROTOOPT);
  }
  if (setting->length > INT32_MAX) return refuse(EINVAL);
  bool is_answer = option->remedy == MPTCPIZE_ADJUST;  // its get is, that is
  if (is_answer || (option->remedy == MPTCPIZE_REFUSE && option->hint == MPTCPIZE_HINT_NEVER)) {
    return refuse(option->error ? option->error : refusal);
  }
  int32_t number = 0;
  if (!option->is_bytes) {
    int error = read_value(setting, &number);
    if (error) return refuse(error);
  }
  if (asks_for_nothing(setting, number)) {
    if (option->hint == MPTCPIZE_HINT_INITIAL) number = option->initial;
    return decide_in_place(setting, MPTCPIZE_IGNORE, number);
  }
  if (option->remedy != MPTCPIZE_DEMOTE) return decide_in_place(setting, option->remedy, number);
  // TCP itself judges the value of an option for which the socket is replaced.
  struct mptcpize_decision decision = decide_in_place(setting, option->otherwise, number);
  decision.replace = true;
  return decision;
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
