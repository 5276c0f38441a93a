// Reads the canonical text of rules into the table in which connection_policy.c looks them up.

#include <stddef.h>

#include "ConnectionPolicy.h"

static const char version[] = "v1";

enum { FIELD = '_', RULE = ';', ITEM = ',', ESCAPE = '=' };
enum { IPV4_BITS = 32, IPV6_BITS = 128 };

// The fields of a rule; the last one is optional.
enum { ACTION, DIRECTION, ADDRESSES, PORTS, ORIGIN, GLOB, FIELDS };

// A rule as it is read.
struct rule {
  int number;
  unsigned count;
  const char *fields[FIELDS];  // where they begin
  bool tcp, directions[MPTCPIZE_DIRECTIONS];
};

// One item of a list of addresses. '*' is a prefix of no bits in both families.
struct prefix {
  bool ipv4, ipv6;
  unsigned bits;
  unsigned char bytes[16];
};

// Moves behind a word that the text goes on with.
static bool skip(const char **text, const char *word) {
  const char *at = *text;
  while (*word && *at == *word) at++, word++;
  if (!*word) *text = at;
  return !*word;
}

static bool skip_byte(const char **text, char byte) {
  if (**text != byte) return false;
  (*text)++;
  return true;
}

static int digit(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return 16;
}

static bool number(const char **text, int base, uint32_t greatest, uint32_t *value) {
  const char *begin = *text;
  for (*value = 0; digit(**text) < base; (*text)++) {
    *value = *value * (uint32_t)base + (uint32_t)digit(**text);
    if (*value > greatest) return false;
  }
  return *text != begin;
}

static bool length(const char **text, uint32_t greatest, struct prefix *prefix) {
  return skip_byte(text, '/') && number(text, 10, greatest, &prefix->bits);
}

static bool ipv4_prefix(const char **text, struct prefix *prefix) {
  uint32_t value;
  prefix->ipv4 = true;
  for (int i = 0; i < 4; i++) {
    if ((i && !skip_byte(text, '.')) || !number(text, 10, UINT8_MAX, &value)) return false;
    prefix->bytes[i] = (unsigned char)value;
  }
  return length(text, IPV4_BITS, prefix);
}

static bool ipv6_prefix(const char **text, struct prefix *prefix) {
  uint32_t value;
  prefix->ipv6 = true;
  for (int i = 0; i < 16; i += 2) {
    if ((i && !skip_byte(text, ':')) || !number(text, 16, UINT16_MAX, &value)) return false;
    prefix->bytes[i] = (unsigned char)(value >> 8);
    prefix->bytes[i + 1] = (unsigned char)value;
  }
  return length(text, IPV6_BITS, prefix);
}

static bool read_prefix(const char **text, struct prefix *prefix) {
  *prefix = (struct prefix){.bits = 0};
  if (skip_byte(text, '*')) {
    prefix->ipv4 = prefix->ipv6 = true;
    return true;
  }
  const char *end = *text;
  while (digit(*end) < 16) end++;
  return *end == '.' ? ipv4_prefix(text, prefix) : ipv6_prefix(text, prefix);
}

static bool read_ports(const char **text, struct mptcpize_policy_answer *answer) {
  uint32_t first = 0, last = UINT16_MAX;
  if (!skip_byte(text, '*')) {
    if (!number(text, 10, UINT16_MAX, &first)) return false;
    last = first;
    if (skip_byte(text, '-') && !number(text, 10, UINT16_MAX, &last)) return false;
    if (last < first) return false;
  }
  answer->first = (uint16_t)first;
  answer->count = (uint16_t)(last - first);
  return true;
}

// The address and the mask of a prefix, byte by byte.
static void store(const struct prefix *prefix, unsigned char *address, unsigned char *mask,
                  unsigned size) {
  for (unsigned i = 0; i < size; i++) {
    unsigned bits = prefix->bits > 8 * i ? prefix->bits - 8 * i : 0;
    mask[i] = bits >= 8 ? UINT8_MAX : (unsigned char)(UINT8_MAX << (8 - bits));
    address[i] = prefix->bytes[i] & mask[i];
  }
}

static bool add_cell(struct mptcpize_policy *policy, int direction, const struct prefix *prefix,
                     const struct mptcpize_policy_answer *answer) {
  uint16_t *ipv4_count = &policy->directions[direction].ipv4_count;
  uint16_t *ipv6_count = &policy->directions[direction].ipv6_count;
  if (prefix->ipv4) {
    if (*ipv4_count == MPTCPIZE_POLICY_CELLS) return false;
    struct mptcpize_policy_ipv4 *cell = &policy->directions[direction].ipv4[(*ipv4_count)++];
    store(prefix, (unsigned char *)&cell->address, (unsigned char *)&cell->mask, 4);
    cell->answer = *answer;
  }
  if (prefix->ipv6) {
    if (*ipv6_count == MPTCPIZE_POLICY_CELLS) return false;
    struct mptcpize_policy_ipv6 *cell = &policy->directions[direction].ipv6[(*ipv6_count)++];
    store(prefix, (unsigned char *)cell->address, (unsigned char *)cell->mask, 16);
    cell->answer = *answer;
  }
  if (answer->tcp) policy->directions[direction].can_say_tcp = true;
  return true;
}

// Each range of ports with each prefix.
static bool add_cells(struct mptcpize_policy *policy, const struct rule *rule) {
  struct prefix prefix;
  struct mptcpize_policy_answer answer = {.rule = (int16_t)rule->number, .tcp = rule->tcp};
  const char *ports = rule->fields[PORTS];
  do {
    if (!read_ports(&ports, &answer)) return false;
    const char *addresses = rule->fields[ADDRESSES];
    do {
      if (!read_prefix(&addresses, &prefix)) return false;
      for (int direction = 0; direction < MPTCPIZE_DIRECTIONS; direction++) {
        if (!rule->directions[direction]) continue;
        if (!add_cell(policy, direction, &prefix, &answer)) return false;
      }
    } while (skip_byte(&addresses, ITEM));
    if (!skip_byte(&addresses, FIELD)) return false;
  } while (skip_byte(&ports, ITEM));
  return skip_byte(&ports, FIELD);
}

// Moves behind a rule, and notes where its fields begin.
static bool split(const char **text, struct rule *rule) {
  for (rule->count = 0; rule->count < FIELDS; rule->count++) {
    rule->fields[rule->count] = *text;
    while (**text && **text != FIELD && **text != RULE) (*text)++;
    if (!skip_byte(text, FIELD)) return ++rule->count >= GLOB;
  }
  return false;
}

static bool read_words(struct rule *rule) {
  const char *action = rule->fields[ACTION], *direction = rule->fields[DIRECTION];
  rule->tcp = skip(&action, "tcp_");
  if (!rule->tcp && !skip(&action, "mptcp_")) return false;
  bool any = skip(&direction, "any_");
  rule->directions[MPTCPIZE_CONNECT] = any || skip(&direction, "connect_");
  rule->directions[MPTCPIZE_LISTEN] = any || skip(&direction, "listen_");
  return rule->directions[MPTCPIZE_CONNECT] || rule->directions[MPTCPIZE_LISTEN];
}

static bool read_glob(const char *text, char glob[MPTCPIZE_POLICY_GLOB + 1]) {
  size_t size = 0;
  for (; *text && *text != RULE; text++) {
    if (size == MPTCPIZE_POLICY_GLOB) return false;
    glob[size] = *text;
    if (*text == ESCAPE) {
      int high = digit(text[1]);
      int low = high < 16 ? digit(text[2]) : 16;
      if (low == 16 || !(high | low)) return false;
      glob[size] = (char)(high << 4 | low);
      text += 2;
    }
    size++;
  }
  glob[size] = 0;
  return true;
}

static bool read_rule(struct mptcpize_policy *policy, const char **text, int number,
                      const char *program) {
  struct rule rule = {.number = number};
  char glob[MPTCPIZE_POLICY_GLOB + 1];
  if (!split(text, &rule) || !read_words(&rule)) return false;
  if (rule.count > GLOB) {
    if (!read_glob(rule.fields[GLOB], glob)) return false;
    if (!program || !mptcpize_glob_matches(glob, program)) return true;
  }
  return add_cells(policy, &rule);
}

bool mptcpize_policy_needs_program(const char *text) {
  struct rule rule;
  if (!skip(&text, version)) return false;
  while (skip_byte(&text, RULE)) {
    if (!split(&text, &rule)) return false;
    if (rule.count > GLOB) return true;
  }
  return false;
}

static void clear(struct mptcpize_policy *policy) {
  for (int direction = 0; direction < MPTCPIZE_DIRECTIONS; direction++) {
    policy->directions[direction].ipv4_count = 0;
    policy->directions[direction].ipv6_count = 0;
    policy->directions[direction].can_say_tcp = false;
  }
}

bool mptcpize_policy_read(struct mptcpize_policy *policy, const char *text, const char *program) {
  clear(policy);
  bool is_read = skip(&text, version);
  for (int number = 0; is_read && skip_byte(&text, RULE); number++) {
    is_read = read_rule(policy, &text, number, program);
  }
  if (!is_read || *text) clear(policy);
  return is_read && !*text;
}

// FNV-1a, of 32 bits, folded.
uint16_t mptcpize_policy_sum(const char *text) {
  uint32_t sum = 2166136261u;
  for (; *text; text++) sum = (sum ^ (unsigned char)*text) * 16777619u;
  return (uint16_t)(sum ^ sum >> 16);
}
