// What the supervisor has done, for the report. Guard and worker count, and never both at once; the
// front reads.

#include "server.h"

void count(const struct server *server, enum seccomp_count which) {
  atomic_fetch_add_explicit(&server->shared->counts[which], 1, memory_order_relaxed);
}

void count_remedy(const struct server *server, int remedy) {
  if (remedy == MPTCPIZE_IGNORE) count(server, SECCOMP_OPTIONS_IGNORED);
  if (remedy == MPTCPIZE_ADJUST) count(server, SECCOMP_OPTIONS_ADJUSTED);
  if (remedy == MPTCPIZE_REFUSE) count(server, SECCOMP_OPTIONS_REFUSED);
}

uint64_t seccomp_supervisor_count(const void *memory, enum seccomp_count which) {
  const struct shared *shared = memory;
  return atomic_load_explicit(&shared->counts[which], memory_order_relaxed);
}
