// A socket whose option a caller sets or reads.

#ifndef SECCOMP_SUPERVISOR_TARGET_H
#define SECCOMP_SUPERVISOR_TARGET_H

#include "caller.h"

// More than TCP takes of any value.
enum { VALUE_MOST = 256 };

// An MPTCP socket of the caller's, borrowed.
struct target {
  int fd;  // ours
  int theirs;
  uint64_t inode;
  int family;
  const struct mptcpize_option *option;  // NULL: it has no line, or TCP does not know it here
  int32_t line;
};

/// An option of an integer; -1: it cannot be read.
int target_int(int fd, int level, int name);

/// mptcpi_flags of MPTCP_INFO; -1: it is no MPTCP socket, or none any more.
long target_mptcp_flags(int fd);

/// False where it is no MPTCP socket. Then nothing has been borrowed.
bool target_open(struct caller *caller, int fd, int level, int number, struct target *target);

#endif
