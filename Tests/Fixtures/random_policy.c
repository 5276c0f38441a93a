// random_policy ROUNDS TEXT…
// Gives the reader of rules texts that were changed at random, in memory of exactly their size,
// and asks it about addresses of any length. Prints how many texts were read, and how many not.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ConnectionPolicy.h"

static uint64_t state = 1;

// SplitMix64.
static unsigned below(unsigned limit) {
  uint64_t mixed = state += 0x9E3779B97F4A7C15;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
  return (unsigned)((mixed ^ (mixed >> 31)) % limit);
}

static char any_byte(void) {
  static const char likely[] = "0123456789abcdef.:/,-_;=*?[]tcpmany!^\\";
  return below(8) ? likely[below(sizeof likely - 1)] : (char)(1 + below(255));
}

// A copy of the text with some bytes replaced, added, or taken out, or with parts of others.
static char *changed(char **texts, unsigned count) {
  const char *text = texts[below(count)], *other = texts[below(count)];
  size_t length = strlen(text), more = strlen(other);
  char *result = malloc(length + more + 2);
  if (!result) exit(1);
  strcpy(result, text);
  for (unsigned changes = below(4); changes; changes--) {
    size_t place = below((unsigned)strlen(result) + 1);
    switch (below(4)) {
      case 0:
        if (result[place]) result[place] = any_byte();
        break;
      case 1:
        result[place] = 0;
        break;
      case 2:
        if (result[place]) memmove(result + place, result + place + 1, strlen(result + place));
        break;
      default:
        if (strlen(result) <= length) strcat(result, other + below((unsigned)more + 1));
    }
  }
  char *exact = strdup(result);
  free(result);
  return exact;
}

static void ask(const struct mptcpize_policy *policy) {
  uint32_t length = below(40);
  unsigned char *address = malloc(length ? length : 1);
  if (!address) exit(1);
  for (uint32_t i = 0; i < length; i++) address[i] = (unsigned char)below(below(2) ? 256 : 1);
  if (length > 1) address[0] = below(2) ? 2 : 10, address[1] = 0;
  for (int direction = 0; direction < MPTCPIZE_DIRECTIONS; direction++) {
    struct mptcpize_ruling ruling = mptcpize_policy_decide(policy, direction, address, length);
    if (ruling.tcp && mptcpize_policy_is_empty(policy, direction)) exit(2);
    if (ruling.rule < -1) exit(3);
  }
  free(address);
}

int main(int argc, char **argv) {
  unsigned counts[2] = {0};
  struct mptcpize_policy *policy = argc < 3 ? NULL : malloc(sizeof *policy);
  if (!policy) return 1;
  for (long rounds = strtol(argv[1], NULL, 10); rounds; rounds--) {
    char *text = changed(argv + 2, (unsigned)argc - 2);
    char program[] = {any_byte(), any_byte(), any_byte(), 0};
    mptcpize_policy_needs_program(text);
    counts[!mptcpize_policy_read(policy, text, below(2) ? program : NULL)]++;
    mptcpize_policy_for_all(policy);
    for (int i = 0; i < 4; i++) ask(policy);
    free(text);
  }
  printf("%u %u\n", counts[0], counts[1]);
  free(policy);
  return 0;
}
