// socket(2): makes an MPTCP socket instead of the TCP socket that was asked for. If anything
// prevents this, the program's own call continues.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "caller.h"
#include "errand.h"
#include "kept.h"
#include "records.h"
#include "stalls.h"

// --- In another network namespace ----------------------------------------------------------

struct errand {
  int user, network;  // namespaces; -1: ours
  int family, type, protocol;
  int socket, error;
};

static void go(void *argument) {
  struct errand *errand = argument;
  if ((errand->user < 0 || setns(errand->user, CLONE_NEWUSER) == 0) &&
      setns(errand->network, CLONE_NEWNET) == 0) {
    errand->socket = socket(errand->family, errand->type | SOCK_CLOEXEC, errand->protocol);
  }
  errand->error = errno;
}

static int open_namespace(const struct caller *caller, const char *kind) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/%s", caller->thread, kind);
  return open(path, O_RDONLY | O_CLOEXEC);
}

// Whoever enters a namespace of an unprivileged user has to be in that one's user namespace first.
static int socket_elsewhere(const struct caller *caller, int family, int type, int protocol) {
  struct stat own;
  struct errand errand = {-1, -1, family, type, protocol, -1, EPERM};
  uint64_t user = caller_namespace(caller, "user");
  errand.network = open_namespace(caller, "net");
  bool is_other = stat("/proc/self/ns/user", &own) == 0 && user && user != own.st_ino;
  if (is_other) errand.user = open_namespace(caller, "user");
  if (errand.network >= 0 && (!is_other || errand.user >= 0) && caller_waits(caller)) {
    (void)errand_run(go, &errand, true);
  }
  if (errand.user >= 0) close(errand.user);
  if (errand.network >= 0) close(errand.network);
  errno = errand.error;
  return errand.socket;
}

// --- As the caller's own -------------------------------------------------------------------

static int make(const struct caller *caller, int family, int type, int protocol) {
  uint64_t network = caller_namespace(caller, "net");
  if (!network) {
    errno = EPERM;
    return -1;
  }
  if (network != caller->server->network) {
    return socket_elsewhere(caller, family, type, protocol);
  }
  return socket(family, type | SOCK_CLOEXEC, protocol);
}

// Firewalls (by the file's credentials), routing rules and SO_REUSEPORT (by the socket's) go by the
// owner, who is whoever made it as far as files go.
static int make_owned(const struct caller *caller, const char *status, int family, int type,
                      int protocol) {
  long user = caller_status(status, "Uid", 3), group = caller_status(status, "Gid", 3);
  uid_t own_user = geteuid();
  gid_t own_group = getegid();
  if (user < 0 || group < 0) {
    errno = EPERM;
    return -1;
  }
  if ((uid_t)user == own_user && (gid_t)group == own_group) {
    return make(caller, family, type, protocol);
  }
  setfsgid((gid_t)group);
  setfsuid((uid_t)user);
  int made = make(caller, family, type, protocol), error = errno;
  setfsuid(own_user);
  setfsgid(own_group);
  errno = error;
  return made;
}

int socket_for(const struct caller *caller, int family, int type, int protocol) {
  char status[4096];
  if (!caller->server->is_root) return make(caller, family, type, protocol);
  if (caller_text(caller, CALLER_STATUS, status, sizeof status) >= 0) {
    return make_owned(caller, status, family, type, protocol);
  }
  errno = EPERM;
  return -1;
}

// --- What speaks against it ----------------------------------------------------------------

// Sockets belong to the cgroup of whoever makes them, and are held to its programs: those of
// another one are not ours to make. The same of a security module's label.
static bool is_alike(const struct caller *caller) {
  char own[4096], other[4096];
  struct server *server = caller->server;
  struct caller self = {.thread = getpid(), .known = &server->self};
  long size = caller_text(&self, CALLER_CGROUP, own, sizeof own);
  long other_size = caller_text(caller, CALLER_CGROUP, other, sizeof other);
  if (size < 0 || size != other_size || memcmp(own, other, (size_t)size) != 0) return false;
  if (!server->label_size) return true;
  other_size = caller_text(caller, CALLER_LABEL, other, sizeof other);
  return other_size == (long)server->label_size &&
         memcmp(server->label, other, server->label_size) == 0;
}

// A filter of its own that would not let it ask for MPTCP.
static bool is_confined(const struct caller *caller) {
  char status[4096];
  const struct shared *shared = caller->server->shared;
  if (shared->is_landlocked) return true;
  if (!shared->is_forbidden) return false;
  if (caller_text(caller, CALLER_STATUS, status, sizeof status) < 0) return true;
  return caller_status(status, "Seccomp_filters", 0) != caller->server->filters + 1;
}

// What a program of the cgroup sets on each socket (`ip vrf exec`) reaches no subflow.
static bool has_settings(int socket) {
  static const int names[] = {SO_BINDTOIFINDEX, SO_MARK, SO_PRIORITY};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    int value = 0;
    socklen_t length = sizeof value;
    if (getsockopt(socket, SOL_SOCKET, names[i], &value, &length) == 0 && value) return true;
  }
  return false;
}

// Where sockets of the caller cannot be looked at, no option could be mended.
static bool can_be_mended(struct caller *caller) {
  int none = caller_borrow(caller, -1);
  if (none >= 0) close(none);
  return none >= 0 || errno == EBADF;
}

// --- The call ----------------------------------------------------------------------------------

static int make_mptcp(struct server *server, struct caller *caller, int family, int type) {
  errno = MPTCPIZE_REFUSED_BY_POLICY;
  if (rules_say_tcp(server, caller)) return -1;
  errno = EPERM;
  if (is_confined(caller) || !can_be_mended(caller) || !is_alike(caller)) return -1;
  int made = socket_for(caller, family, type, MPTCPIZE_IPPROTO_MPTCP);
  if (made >= 0) stalls_made(server, made);
  if (made < 0 || !has_settings(made)) return made;
  close(made);
  errno = MPTCPIZE_REFUSED_FOR_CGROUP;
  return -1;
}

static uint64_t inode_of(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

// Where somebody reads what becomes of sockets, TCP is made here too: what the kernel makes by
// itself has a number that nobody tells.
static int make_plain(const struct server *server, struct caller *caller, int family, int type,
                      int refusal) {
  if (!records_are_read(server) || refusal == EPERM || !is_alike(caller)) return -1;
  return socket_for(caller, family, type, IPPROTO_TCP);
}

static struct outcome hand_over(struct server *server, struct caller *caller, int made,
                                const struct call *call, int got, int refusal) {
  int family = (int)call->arguments[0], type = (int)call->arguments[1];
  uint64_t inode = inode_of(made);
  kept_forget(server->shared, inode);
  bool is_answer = true;
  uint32_t flags = type & SOCK_CLOEXEC ? O_CLOEXEC : 0;
  int number = server_hand_over(server, caller->id, made, flags, -1, &is_answer);
  // EMFILE, most likely, which the program's own call meets too.
  if (number < 0) return OUTCOME_GO_ON;
  record_created(server, caller, number, inode, family, (int)call->arguments[2], got, refusal);
  return (struct outcome){IS_DONE, 0};
}

struct outcome socket_call(struct server *server, struct caller *caller, const struct call *call) {
  int family = (int)call->arguments[0], type = (int)call->arguments[1];
  int asked = (int)call->arguments[2];
  bool is_plain = asked == MPTCPIZE_PLAIN_TCP;
  if (!mptcpize_asks_for_tcp(family, type, is_plain ? 0 : asked)) return OUTCOME_GO_ON;
  // Other bits the kernel refuses.
  if (type & ~(0xf | SOCK_CLOEXEC | SOCK_NONBLOCK)) return OUTCOME_GO_ON;
  int got = is_plain ? IPPROTO_TCP : MPTCPIZE_IPPROTO_MPTCP, refusal = 0;
  int made = is_plain ? socket_for(caller, family, type, IPPROTO_TCP)
                      : make_mptcp(server, caller, family, type);
  if (made < 0) {
    got = IPPROTO_TCP;
    refusal = errno;
    made = make_plain(server, caller, family, type, refusal);
  }
  struct outcome outcome = OUTCOME_GO_ON;
  if (made >= 0) {
    outcome = hand_over(server, caller, made, call, got, refusal);
    close(made);
  }
  bool is_mptcp = outcome.kind == IS_DONE && got == MPTCPIZE_IPPROTO_MPTCP;
  if (!is_plain) count(server, is_mptcp ? SECCOMP_SOCKETS_MPTCP : SECCOMP_SOCKETS_TCP);
  return outcome;
}
