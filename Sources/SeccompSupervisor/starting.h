// What the processes share while they start.

#ifndef SECCOMP_SUPERVISOR_STARTING_H
#define SECCOMP_SUPERVISOR_STARTING_H

#include <signal.h>

#include "server.h"

// What the processes tell the front while they start.
struct message {
  enum seccomp_stage stage;  // 0: the program runs, if nothing follows
  int error;
  pid_t program;
  bool no_new_privileges;
};

struct starting {
  const struct clinux_program *program;
  const struct seccomp_supervision *supervision;
  struct sigaction child_action;  // that the program is to have of SIGCHLD
  struct shared *shared;
  struct mptcpize_ring *ring;
  struct sock_filter *steps;
  size_t length;
  int report;        // to the front; closed by exec
  int states;        // to the front, as long as there is one
  int to_worker[2];  // the program's listener: [0] is the reader's
  int to_guard[2];
  int to_front[2];
};

/// Ends this process, after the front has been told why.
_Noreturn void starting_fail(const struct starting *starting, enum seccomp_stage stage, int error);
void starting_tell(const struct starting *starting, struct message message);

/// program.c: in a child of the worker's, becomes the program.
_Noreturn void program_become(const struct starting *starting);
/// The listener that the program sends; -1: it has sent none.
int program_listener(int socket);

/// watch.c: the two processes.
/// Leaves session, folder, terminal and all descriptors but these.
void watch_settle(const int *kept, size_t count);
_Noreturn void watch_as_guard(const struct starting *starting);

#endif
