// Looks rules up. connection_policy_text.c reads them.

#include <stddef.h>

#include "ConnectionPolicy.h"

enum { INET = 2, INET6 = 10 };  // include/linux/socket.h

// struct sockaddr_in and sockaddr_in6, and the lengths from which tcp_v4_connect() and
// tcp_v6_connect() take them.
enum { PORT = 2, IPV4_ADDRESS = 4, IPV6_ADDRESS = 8, IPV4_LENGTH = 16, IPV6_LENGTH = 24 };

static const struct mptcpize_ruling no_rule = {.tcp = false, .rule = -1};

static bool matches(const struct mptcpize_policy_answer *answer, uint16_t port) {
  return (uint16_t)(port - answer->first) <= answer->count;
}

static struct mptcpize_ruling ruling(const struct mptcpize_policy_answer *answer) {
  return (struct mptcpize_ruling){.tcp = answer->tcp, .rule = answer->rule};
}

static uint32_t loaded32(const unsigned char *bytes) {
  uint32_t value;
  __builtin_memcpy(&value, bytes, sizeof value);
  return value;
}

static uint64_t loaded64(const unsigned char *bytes) {
  uint64_t value;
  __builtin_memcpy(&value, bytes, sizeof value);
  return value;
}

static struct mptcpize_ruling decide_ipv4(const struct mptcpize_policy *policy,
                                          enum mptcpize_direction direction,
                                          const unsigned char *bytes, uint16_t port) {
  static const unsigned char loopback[] = {127, 0, 0, 1};
  uint32_t address = loaded32(bytes);
  if (!address && direction == MPTCPIZE_CONNECT) address = loaded32(loopback);
  return mptcpize_policy_decide_ipv4(policy, direction, address, port);
}

static struct mptcpize_ruling decide_ipv6(const struct mptcpize_policy *policy,
                                          enum mptcpize_direction direction,
                                          const unsigned char *bytes, uint16_t port) {
  static const unsigned char mapped[] = {0, 0, 0xff, 0xff}, loopback[] = {0, 0, 0, 0, 0, 0, 0, 1};
  uint64_t high = loaded64(bytes), low = loaded64(bytes + 8);
  if (!high) {
    if (loaded32(bytes + 8) == loaded32(mapped)) {
      return decide_ipv4(policy, direction, bytes + 12, port);
    }
    if (!low && direction == MPTCPIZE_CONNECT) low = loaded64(loopback);
  }
  const struct mptcpize_policy_ipv6 *cell = policy->directions[direction].ipv6;
  const struct mptcpize_policy_ipv6 *end = cell + policy->directions[direction].ipv6_count;
  for (; cell < end; cell++) {
    if ((high & cell->mask[0]) == cell->address[0] && (low & cell->mask[1]) == cell->address[1] &&
        matches(&cell->answer, port)) {
      return ruling(&cell->answer);
    }
  }
  return no_rule;
}

struct mptcpize_ruling mptcpize_policy_decide(const struct mptcpize_policy *policy,
                                              enum mptcpize_direction direction,
                                              const void *address, uint32_t length) {
  const unsigned char *bytes = address;
  uint16_t family;
  if (length < IPV4_LENGTH) return no_rule;
  __builtin_memcpy(&family, bytes, sizeof family);
  uint16_t port = (uint16_t)(bytes[PORT] << 8 | bytes[PORT + 1]);
  if (family == INET) return decide_ipv4(policy, direction, bytes + IPV4_ADDRESS, port);
  if (family == INET6 && length >= IPV6_LENGTH) {
    return decide_ipv6(policy, direction, bytes + IPV6_ADDRESS, port);
  }
  return no_rule;
}

static bool has_all_ports(const struct mptcpize_policy_answer *answer) {
  return answer->first == 0 && answer->count == UINT16_MAX;
}

// Whether one rule of these, behind others that say TCP too, says TCP for every address.
static const struct mptcpize_policy_answer *ipv4_for_all(const struct mptcpize_policy *policy,
                                                         int direction) {
  const struct mptcpize_policy_ipv4 *cells = policy->directions[direction].ipv4;
  for (size_t i = 0; i < policy->directions[direction].ipv4_count && cells[i].answer.tcp; i++) {
    if (!cells[i].mask && has_all_ports(&cells[i].answer)) return &cells[i].answer;
  }
  return NULL;
}

static const struct mptcpize_policy_answer *ipv6_for_all(const struct mptcpize_policy *policy,
                                                         int direction) {
  const struct mptcpize_policy_ipv6 *cells = policy->directions[direction].ipv6;
  for (size_t i = 0; i < policy->directions[direction].ipv6_count && cells[i].answer.tcp; i++) {
    if (!(cells[i].mask[0] | cells[i].mask[1]) && has_all_ports(&cells[i].answer)) {
      return &cells[i].answer;
    }
  }
  return NULL;
}

struct mptcpize_ruling mptcpize_policy_for_all(const struct mptcpize_policy *policy) {
  for (int direction = 0; direction < MPTCPIZE_DIRECTIONS; direction++) {
    if (!ipv4_for_all(policy, direction) || !ipv6_for_all(policy, direction)) return no_rule;
  }
  return ruling(ipv4_for_all(policy, MPTCPIZE_CONNECT));
}
