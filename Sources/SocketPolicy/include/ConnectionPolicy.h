// Which connections and listeners stay TCP, by rules that the command line tool has compiled. Pure:
// no global state, no system call of its own.
//
// The canonical text, as it travels in MPTCPIZE_POLICY:
//
//   v1;tcp_any_127.0.0.0/8,0:0:0:0:0:0:0:1/128_*_/etc/mptcpize/policy.conf:12;mptcp_connect_…
//
// Rules follow the version mark; the first that matches decides. The fields of a rule, separated
// by '_', are: tcp or mptcp; connect, listen or any; addresses, '*' or a list of prefixes (IPv6 in
// eight groups); ports, '*' or a list of numbers and ranges; FILE:LINE, for people; and, where
// there is a sixth, a glob for the program's file name. '=XX' is the byte with this hexadecimal
// number: '_', ';' and whatever a shell or a unit file would want quoted is written so.

#ifndef MPTCPIZE_CONNECTION_POLICY_H
#define MPTCPIZE_CONNECTION_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/// What a program does with an address. `connect` has the peer's, `listen` its own.
enum mptcpize_direction { MPTCPIZE_CONNECT, MPTCPIZE_LISTEN, MPTCPIZE_DIRECTIONS };

/// Pairs of a prefix and a range of ports for one direction and address family. A text that needs
/// more is not read; the command line tool refuses it beforehand.
#define MPTCPIZE_POLICY_CELLS 256

/// The longest glob for a program, in bytes.
#define MPTCPIZE_POLICY_GLOB 255

/// What a cell says where it matches.
struct mptcpize_policy_answer {
  uint16_t first, count;  ///< its ports, `count` after the first one, in host order
  int16_t rule;
  bool tcp;
};

/// Masks and addresses are in network order.
struct mptcpize_policy_ipv4 {
  uint32_t mask, address;
  struct mptcpize_policy_answer answer;
};

struct mptcpize_policy_ipv6 {
  uint64_t mask[2], address[2];
  struct mptcpize_policy_answer answer;
};

/// Rules as they are looked up, by direction. All zeroes is a policy without rules.
struct mptcpize_policy {
  struct {
    uint16_t ipv4_count, ipv6_count;
    bool can_say_tcp;
    struct mptcpize_policy_ipv4 ipv4[MPTCPIZE_POLICY_CELLS];
    struct mptcpize_policy_ipv6 ipv6[MPTCPIZE_POLICY_CELLS];
  } directions[MPTCPIZE_DIRECTIONS];
};

struct mptcpize_ruling {
  bool tcp;
  int rule;  ///< the rule's number in the text, from 0; -1: none matched
};

/// A sum of the text, by which one is told from another.
uint16_t mptcpize_policy_sum(const char *text);

/// Whether a rule of this text asks for the program's name.
bool mptcpize_policy_needs_program(const char *text);

/// Reads a canonical text; leaves rules for other programs out. `program` is the file name of the
/// program's image, without folders; NULL: not known, no rule with a glob is for it. False, and a
/// policy without rules, where the text is not canonical or does not fit.
bool mptcpize_policy_read(struct mptcpize_policy *policy, const char *text, const char *program);

/// What the first matching rule says of a socket address. IPv4-mapped addresses are IPv4; to
/// connect to the unspecified address is to connect to this host, as the kernel does it. No rule
/// matches an address of another family, or one too short for the kernel.
struct mptcpize_ruling mptcpize_policy_decide(const struct mptcpize_policy *policy,
                                              enum mptcpize_direction direction,
                                              const void *address, uint32_t length);

/// Whether a name matches a glob, byte by byte, as glob(7) has it: '*', '?', '[…]', and '\\' before
/// what is meant literally.
bool mptcpize_glob_matches(const char *glob, const char *name);

/// TCP where each connection and listener will be, whatever its address: its socket need not be
/// MPTCP at first. The rule is the one that connections meet last.
struct mptcpize_ruling mptcpize_policy_for_all(const struct mptcpize_policy *policy);

/// The same of an IPv4 address in network order and a port in host order. In place: it is asked for
/// each connection.
static inline struct mptcpize_ruling mptcpize_policy_decide_ipv4(
    const struct mptcpize_policy *policy, enum mptcpize_direction direction, uint32_t address,
    uint16_t port) {
  const struct mptcpize_policy_ipv4 *cell = policy->directions[direction].ipv4;
  for (unsigned int left = policy->directions[direction].ipv4_count; left; left--, cell++) {
    if ((address & cell->mask) == cell->address &&
        (uint16_t)(port - cell->answer.first) <= cell->answer.count) {
      return (struct mptcpize_ruling){.tcp = cell->answer.tcp, .rule = cell->answer.rule};
    }
  }
  return (struct mptcpize_ruling){.tcp = false, .rule = -1};
}

/// Whether no rule for this direction says TCP.
static inline bool mptcpize_policy_is_empty(const struct mptcpize_policy *policy,
                                            enum mptcpize_direction direction) {
  return !policy->directions[direction].can_say_tcp;
}

#endif
