// dup, dup2 and dup3: one socket under several numbers, and a descriptor replaced.

#include "cork.h"
#include "fresh.h"
#include "record.h"
#include "stalls.h"
#include "state.h"

INTERPOSED int dup(int fd) {
  if (UNLIKELY(state() & STATE_POLICY)) fresh_forget(fd);
  if (!recording()) return next.dup(fd);
  int copy = next.dup(fd);
  if (copy >= 0) record_duplicated(copy, fd);
  return copy;
}

// Only what will succeed closes the descriptor it replaces.
static void replacing(int from, int to) {
  cork_renew(to);
  if (!recording() && !cork_is_set(to)) return;
  UNASKED(may_ask, UNASKED_QUESTIONS);
  if (!may_ask) return;
  if (from == to || to < 0 || syscall2(SYS_fcntl, from, F_GETFD) < 0) return;
  // What is held back by a socket that has another number stays so.
  if (kernel_inode(from) != kernel_inode(to)) cork_release(to);
  if (recording()) record_closing(to, MPTCPIZE_CAUSE_REPLACED);
}

INTERPOSED int dup2(int from, int to) {
  if (UNLIKELY(state() & STATE_POLICY)) fresh_forget(from);
  stalls_closing(to);
  if (quiet_end()) return next.dup2(from, to);
  replacing(from, to);
  int copy = next.dup2(from, to);
  if (copy >= 0 && from != to && recording()) record_duplicated(copy, from);
  return copy;
}

INTERPOSED int dup3(int from, int to, int flags) {
  if (UNLIKELY(state() & STATE_POLICY)) fresh_forget(from);
  stalls_closing(to);
  if (quiet_end()) return next.dup3(from, to, flags);
  replacing(from, to);
  int copy = next.dup3(from, to, flags);
  if (copy >= 0 && recording()) record_duplicated(copy, from);
  return copy;
}
