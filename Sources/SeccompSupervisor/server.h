// What the guard and the worker share, and what each call needs to be answered.

#ifndef SECCOMP_SUPERVISOR_SERVER_H
#define SECCOMP_SUPERVISOR_SERVER_H

#include <linux/seccomp.h>
#include <stdatomic.h>

#include "SeccompSupervisor.h"
#include "SocketEvents.h"
#include "SocketPolicy.h"
#include "filter.h"

// --- What headers older than the kernel lack ---------------------------------------------

#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)  // Linux 5.14
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)  // Linux 5.19
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)  // Linux 6.6
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

// --- Memory of both ------------------------------------------------------------------------

enum { KEPT_SLOTS = 16384 };

struct kept_slot {
  uint64_t inode;  // 0: free
  int32_t line;    // of the table
  int32_t value;
};

// Written by whoever serves; the other one only looks when that one serves no more.
struct shared {
  _Atomic uint64_t current;   // the notification that is being answered; 0: none
  _Atomic uint64_t latest;    // the last one that was taken; 0: none has been yet
  _Atomic bool is_taking;     // one may have been taken, and be neither of these two
  _Atomic bool is_forbidden;  // a filter of the program's own would not let it make MPTCP sockets
  _Atomic bool
      is_landlocked;       // a task has confined itself by Landlock, whose rules MPTCP passes by
  _Atomic pid_t program;   // 0: it has ended
  _Atomic int32_t widest;  // the receive buffer that connections get at most; 0: not known
  _Atomic uint64_t counts[SECCOMP_COUNTS];
  struct kept_slot kept[KEPT_SLOTS];
};

// Files of /proc/TID that are read for most calls.
enum caller_text { CALLER_STATUS, CALLER_CGROUP, CALLER_LABEL, CALLER_TEXTS };

// What is open of a task that has called before. All of it is that task's, and of no other one that
// has got its number since.
struct acquaintance {
  pid_t thread;
  int pidfd;
  int texts[CALLER_TEXTS];
};

enum { ACQUAINTANCES = 64 };

struct server {
  const struct seccomp_supervision *supervision;
  struct shared *shared;
  struct mptcpize_ring *ring;      // NULL: nothing is recorded
  struct mptcpize_policy *policy;  // as it was read last
  char program[256];               // for the program of this name
  int rule;                        // that says TCP for all of a program's sockets, the last one met
  int listener;
  bool can_send;     // SECCOMP_ADDFD_FLAG_SEND, where a signal may come between the two steps
  bool is_root;      // may be another user than the program
  int filters;       // that this process has: Seccomp_filters of proc(5)
  uint64_t network;  // inode number of its network namespace
  char label[256];   // of its security module; empty: there is none
  size_t label_size;
  struct seccomp_notif *request;
  struct seccomp_notif_resp *response;
  size_t request_size, response_size;
  struct acquaintance self, acquaintances[ACQUAINTANCES];
  unsigned int acquainted;  // how many of them there may be: fewer where few files may be open
  unsigned int turn;        // whose place a new one takes
};

// --- The caller ---------------------------------------------------------------------------

struct caller {
  struct server *server;
  struct acquaintance *known;
  uint64_t id;
  pid_t thread;
  bool is_32_bit;
};

// A system call with what its registers say, whichever way it was made.
struct call {
  enum call_kind kind;
  uint64_t arguments[6];
};

// How it ends.
struct outcome {
  enum { GO_ON, ENDS, IS_DONE } kind;
  int error;  // of ENDS; 0: success
};

#define OUTCOME_GO_ON ((struct outcome){GO_ON, 0})
#define OUTCOME_SUCCESS ((struct outcome){ENDS, 0})
static inline struct outcome outcome_error(int error) { return (struct outcome){ENDS, error}; }

/// socket.c
struct outcome socket_call(struct server *server, struct caller *caller, const struct call *call);
/// A socket as the caller would make it, in its network namespace; -1 and errno.
int socket_for(const struct caller *caller, int family, int type, int protocol);

/// options.c, answers.c
struct outcome setsockopt_call(struct server *server, struct caller *caller,
                               const struct call *call);
struct outcome getsockopt_call(struct server *server, struct caller *caller,
                               const struct call *call);
struct outcome ioctl_call(struct server *server, struct caller *caller, const struct call *call);

/// replacement.c
/// Whether a socket neither is connected nor listens.
bool replacement_is_possible(int socket);
/// Plain TCP takes the place of the socket that is `socket` here; `inode` is the new one's then.
bool replacement_put(struct server *server, struct caller *caller, int socket, uint64_t *inode);
/// A socket that has taken another one's place listens.
struct outcome replacement_listen(struct server *server, struct caller *caller,
                                  const struct call *call);

/// rules.c
/// Whether a rule says TCP for whatever the caller's program connects or listens with.
bool rules_say_tcp(struct server *server, const struct caller *caller);
/// A socket connects or listens: plain TCP takes its place where a rule says so.
void rules_call(struct server *server, struct caller *caller, const struct call *call);

/// confinement.c
void confinement_call(struct server *server, struct caller *caller, const struct call *call);

/// counts.c
void count(const struct server *server, enum seccomp_count which);
/// What was done about an option: enum mptcpize_remedy.
void count_remedy(const struct server *server, int remedy);

/// server.c
/// Puts a descriptor of ours into the caller's process; its number there, or -1 and errno.
/// With `is_answer` that is what its call returns, and ours is closed: before the caller goes on,
/// where two steps are safe. What the caller closes is closed then.
int server_hand_over(const struct server *server, uint64_t id, int fd, uint32_t flags, int number,
                     bool *is_answer);
bool server_prepare(struct server *server);
void server_answer_one(struct server *server);
/// The next call goes on as it is.
void server_let_go(struct server *server);
/// Whoever served does so no more. The call that it was at goes on as it was. False: there may be
/// one that waits for ever, because no call has been answered yet that would tell its number.
bool server_abandon(struct server *server);

#endif
