// A program that confines itself, by its own filter or by Landlock. The supervisor runs the filter
// itself, on the call that it makes for the program.

#include <stdlib.h>
#include <string.h>

#include "caller.h"

enum { AF_INET_FAMILY = 2, AF_INET6_FAMILY = 10, STREAM = 1, FLAGS = 02004000 };

// Whether it lets a program of this architecture ask for MPTCP.
static bool allows(const struct mptcpize_filter *filter, const struct call_interface *interface) {
  static const uint64_t families[] = {AF_INET_FAMILY, AF_INET6_FAMILY};
  static const uint64_t types[] = {STREAM, STREAM | FLAGS};
  for (size_t i = 0; i < 4; i++) {
    struct mptcpize_system_call call = {
        .number = interface->numbers[CALL_SOCKET],
        .architecture = interface->architecture,
        .arguments = {families[i / 2], types[i % 2], MPTCPIZE_IPPROTO_MPTCP},
    };
    if (mptcpize_filter_verdict(filter, &call) != MPTCPIZE_VERDICT_ALLOWED) return false;
  }
  return true;
}

// struct sock_fprog of linux/filter.h, as the caller lays it out.
static bool read_filter(const struct caller *caller, uint64_t address,
                        struct mptcpize_filter *filter, struct mptcpize_filter_step *steps) {
  uint8_t bytes[16];
  size_t word = caller->is_32_bit ? 4 : 8;
  uint64_t place = 0;
  if (!caller_read(caller, address, bytes, 2 * word)) return false;
  memcpy(&filter->length, bytes, sizeof filter->length);
  memcpy(&place, bytes + word, word);
  filter->steps = steps;
  return filter->length > 0 && filter->length <= FILTER_MOST &&
         caller_read(caller, place, steps, filter->length * sizeof *steps);
}

// A filter that cannot be read counts as one that forbids it.
static bool forbids(const struct caller *caller, uint64_t address) {
  struct mptcpize_filter filter = {0};
  struct mptcpize_filter_step *steps = calloc(FILTER_MOST, sizeof *steps);
  bool result = !steps || !read_filter(caller, address, &filter, steps);
  for (size_t i = 0; !result && i < call_interface_count; i++) {
    bool is_own = call_interfaces[i].is_32_bit == caller->is_32_bit;
#if defined(__x86_64__)
    is_own = is_own && i < 2;
#else
    is_own = is_own && i >= 2;
#endif
    if (is_own && !allows(&filter, &call_interfaces[i])) result = true;
  }
  free(steps);
  return result;
}

void confinement_call(struct server *server, struct caller *caller, const struct call *call) {
  enum { MODE_FILTER = 2 };
  struct shared *shared = server->shared;
  switch (call->kind) {
    case CALL_LANDLOCK:
      shared->is_landlocked = true;
      break;
    case CALL_PRCTL:
      if (call->arguments[1] != MODE_FILTER) break;
      if (forbids(caller, call->arguments[2])) shared->is_forbidden = true;
      break;
    case CALL_SECCOMP:
      if (forbids(caller, call->arguments[2])) shared->is_forbidden = true;
      break;
    default:
      break;
  }
}
