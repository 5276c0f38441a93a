// A supervisor by seccomp user notification (seccomp_unotify(2)). A filter of the program and all
// that it starts sends it the few system calls that matter, and it answers them.
//
// There are three processes, each the parent of the next: the front, which is `mptcpize run`
// itself; the guard; and the worker, whose child is the program. They are the program's ancestors,
// because Yama lets a process look only into its descendants. They are subreapers, so daemons stay
// descendants. The guard takes over if the worker is killed or stopped. Both stay until no task has
// the filter.

#ifndef SECCOMP_SUPERVISOR_H
#define SECCOMP_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "CLinux.h"

/// What a supervisor is told.
struct seccomp_supervision {
  /// For each line of SocketPolicy's table, the errno with which this kernel refuses it on an MPTCP
  /// socket; 0: it takes it.
  const int16_t *refusals;
  /// The lines that this kernel's TCP does not know either: their calls are the kernel's.
  const bool *unknown;
  /// No remedies: what the kernel refuses, the program is told.
  bool strict;
  /// MPTCP connections stand still sometimes on this kernel: this is to be prevented.
  bool stalls;
  /// Where records go: the path of an event ring; NULL: nowhere.
  const char *ring;
  /// The rules for what stays TCP, in the canonical text of SocketPolicy; NULL: there are none.
  const char *policy;
};

/// What a supervisor has done so far.
enum seccomp_count {
  SECCOMP_CALLS,             ///< calls that the filter has sent
  SECCOMP_SOCKETS_MPTCP,     ///< sockets that it made
  SECCOMP_SOCKETS_TCP,       ///< sockets that it left TCP
  SECCOMP_SOCKETS_REPLACED,  ///< MPTCP sockets whose place TCP took, for an option or a rule
  SECCOMP_OPTIONS_IGNORED,
  SECCOMP_OPTIONS_ADJUSTED,
  SECCOMP_OPTIONS_REFUSED,
  SECCOMP_OPTIONS_ANSWERED,  ///< that were asked for, instead of the kernel
  SECCOMP_COUNTS,
};

enum seccomp_stage {
  SECCOMP_STAGE_PROCESSES = 1,  ///< no process, pipe or memory for it
  SECCOMP_STAGE_FILTER = 2,     ///< the kernel took no filter with a listener
  SECCOMP_STAGE_KERNEL = 3,  ///< it took the filter, and cannot hand descriptors in (Linux < 5.9)
  SECCOMP_STAGE_EXEC = 4,    ///< the program cannot be executed
};

/// A program that has been started, or why it was not.
struct seccomp_start {
  pid_t program;  ///< a great-grandchild of the caller; -1: not started
  int states;     ///< where its changes are read: each an int, as wait(2) tells it; close-on-exec
  enum seccomp_stage stage;
  int error;               ///< an errno; 0: one of the processes was killed while they started
  bool no_new_privileges;  ///< set-uid programs in the tree go without their privileges
  int listener;            ///< of the program's filter, close-on-exec; -1: none
  void *memory;            ///< that guard and worker share, for seccomp_supervisor_stand_in
};

/// Starts a program under a supervisor, in the caller's process group and with its parent's
/// signal mask as `program` says. Killed when the caller is killed. For a process with one thread,
/// whose disposition of SIGCHLD becomes SIG_DFL as that of clinux_spawn's caller does.
void seccomp_supervisor_start(const struct clinux_program *program,
                              const struct seccomp_supervision *supervision,
                              struct seccomp_start *start);

/// One of the counts of the supervisor whose `memory` this is. It goes on counting meanwhile.
uint64_t seccomp_supervisor_count(const void *memory, enum seccomp_count which);

/// Guard and worker have been killed: without them the filter's calls would fail with ENOSYS, and
/// the one that was being answered would wait for ever. Starts a process that lets each of them go
/// on as the program's own, so that its sockets are TCP from then on. Once; closes the listener.
void seccomp_supervisor_stand_in(int listener, void *memory);

/// Whether /proc is there, and that of our own PID namespace: processes are looked up there by
/// numbers, which are other processes' in another one.
bool seccomp_supervisor_has_proc(void);

/// Whether this kernel has user notifications (Linux 5.0), as far as can be told without a filter.
bool seccomp_supervisor_is_known(void);

#endif
