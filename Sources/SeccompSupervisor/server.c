// Notifications are taken one by one and answered.

#include "server.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caller.h"
#include "records.h"
#include "stalls.h"

// --- Beginning -------------------------------------------------------------------------------

// What a notification of number 0 is answered, which none has: whether the kernel knows the flags.
static int try_to_hand_over(const struct server *server, uint32_t flags) {
  struct seccomp_notif_addfd request = {.flags = flags, .srcfd = (uint32_t)server->listener};
  return ioctl(server->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &request) < 0 ? errno : 0;
}

// Whether a caller whose call is being answered is interrupted by deadly signals only (Linux 5.19).
static bool is_patient(void) {
  unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

static void look_at_ourselves(struct server *server) {
  char status[4096];
  struct stat network;
  struct caller self = {.server = server, .thread = getpid()};
  server->filters = 0;
  if (caller_file(&self, "status", status, sizeof status) >= 0) {
    server->filters = (int)caller_status(status, "Seccomp_filters", 0);
  }
  server->network = stat("/proc/self/ns/net", &network) == 0 ? network.st_ino : 0;
  long size = caller_file(&self, "attr/current", server->label, sizeof server->label);
  server->label_size = size > 0 ? (size_t)size : 0;
  server->is_root = geteuid() == 0;
}

bool server_prepare(struct server *server) {
  struct seccomp_notif_sizes sizes;
  if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0) return false;
  server->request_size = sizes.seccomp_notif;
  server->response_size = sizes.seccomp_notif_resp;
  if (server->request_size < sizeof *server->request) {
    server->request_size = sizeof *server->request;
  }
  if (server->response_size < sizeof *server->response) {
    server->response_size = sizeof *server->response;
  }
  server->request = calloc(1, server->request_size);
  server->response = calloc(1, server->response_size);
  if (!server->request || !server->response) return false;
  server->can_send = try_to_hand_over(server, SECCOMP_ADDFD_FLAG_SEND) == ENOENT && !is_patient();
  // The caller runs next, on this processor: less to wait for (Linux 6.6).
  ioctl(server->listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
  caller_forget(&server->self);
  struct rlimit limit;
  server->acquainted = ACQUAINTANCES;
  // Four files each; the soft limit is going to be the hard one.
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < 16 * ACQUAINTANCES) {
    server->acquainted = limit.rlim_max < 16 ? 1 : (unsigned int)limit.rlim_max / 16;
  }
  for (size_t i = 0; i < ACQUAINTANCES; i++) caller_forget(&server->acquaintances[i]);
  look_at_ourselves(server);
  return server->can_send || try_to_hand_over(server, 0) == ENOENT;
}

// --- Answers ---------------------------------------------------------------------------------

// 0, or an errno. ENOENT: the caller was killed meanwhile.
static int respond(const struct server *server, uint64_t id, int64_t value, int error,
                   uint32_t flags) {
  memset(server->response, 0, server->response_size);
  server->response->id = id;
  server->response->val = value;
  server->response->error = error;
  server->response->flags = flags;
  return ioctl(server->listener, SECCOMP_IOCTL_NOTIF_SEND, server->response) < 0 ? errno : 0;
}

int server_hand_over(const struct server *server, uint64_t id, int fd, uint32_t flags, int number,
                     bool *is_answer) {
  struct seccomp_notif_addfd request = {
      .id = id,
      .srcfd = (uint32_t)fd,
      .newfd = number < 0 ? 0 : (uint32_t)number,
      .newfd_flags = flags,
      .flags = number < 0 ? 0 : SECCOMP_ADDFD_FLAG_SETFD,
  };
  bool sends = *is_answer && server->can_send;
  if (sends) request.flags |= SECCOMP_ADDFD_FLAG_SEND;
  int result;
  do result = ioctl(server->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &request);
  while (result < 0 && errno == EINTR);
  if (*is_answer) {
    int error = errno;
    close(fd);
    errno = error;
  }
  if (result >= 0 && *is_answer && !sends) respond(server, id, result, 0, 0);
  return result;
}

// One that was taken by a process that was killed before it had noted the number. The kernel counts
// up from a number of its own and hands out the lowest that waits: kernel/seccomp.c. The numbers
// between are of calls that a signal has ended.
static void let_lost_go(struct server *server) {
  enum { MOST_ENDED = 1 << 16 };
  uint64_t latest = server->shared->latest;
  for (uint64_t i = 1; i <= MOST_ENDED; i++) {
    int error = respond(server, latest + i, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
    // EINPROGRESS: nobody has taken this one, and so none behind it.
    if (error != ENOENT) return;
  }
}

bool server_abandon(struct server *server) {
  struct shared *shared = server->shared;
  uint64_t id = atomic_exchange(&shared->current, 0);
  bool was_taking = atomic_exchange(&shared->is_taking, false);
  if (id) {
    respond(server, id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
  } else if (was_taking && shared->latest) {
    let_lost_go(server);
  }
  return id || !was_taking || shared->latest;
}

// --- Calls -----------------------------------------------------------------------------------

// socketcall(2) has its arguments in memory. What is read once decides; a thread that changes them
// meanwhile gets what it might have got by doing so earlier.
static bool unpack(const struct caller *caller, struct call *call) {
  static const struct {
    uint8_t number, count;
    enum call_kind kind;
  } calls[] = {
      {SOCKETCALL_SOCKET, 3, CALL_SOCKET},           {SOCKETCALL_CONNECT, 3, CALL_CONNECT},
      {SOCKETCALL_LISTEN, 2, CALL_LISTEN},           {SOCKETCALL_SHUTDOWN, 2, CALL_SHUTDOWN},
      {SOCKETCALL_GETSOCKNAME, 3, CALL_GETSOCKNAME}, {SOCKETCALL_SETSOCKOPT, 5, CALL_SETSOCKOPT},
      {SOCKETCALL_GETSOCKOPT, 5, CALL_GETSOCKOPT},
  };
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    uint32_t words[5] = {0};
    if (calls[i].number != call->arguments[0]) continue;
    size_t size = calls[i].count * sizeof *words;
    if (!caller_read(caller, call->arguments[1], words, size)) return false;
    call->kind = calls[i].kind;
    for (size_t j = 0; j < 5; j++) call->arguments[j] = words[j];
    return true;
  }
  return false;
}

static struct outcome answer(struct server *server, struct caller *caller, struct call *call) {
  if (call->kind == CALL_SOCKETCALL && !unpack(caller, call)) return OUTCOME_GO_ON;
  switch (call->kind) {
    case CALL_SOCKET:
      return socket_call(server, caller, call);
    case CALL_SETSOCKOPT:
      return setsockopt_call(server, caller, call);
    case CALL_GETSOCKOPT:
      return getsockopt_call(server, caller, call);
    case CALL_IOCTL:
      return ioctl_call(server, caller, call);
    case CALL_CONNECT:
    case CALL_LISTEN:
      rules_call(server, caller, call);
      record_call(server, caller, call);
      return call->kind == CALL_LISTEN ? replacement_listen(server, caller, call) : OUTCOME_GO_ON;
    case CALL_GETSOCKNAME:
      stalls_call(caller, call);
      return OUTCOME_GO_ON;
    case CALL_SHUTDOWN:
    case CALL_CLOSE:
    case CALL_EXIT:
      record_call(server, caller, call);
      return OUTCOME_GO_ON;
    default:
      confinement_call(server, caller, call);
      return OUTCOME_GO_ON;
  }
}

static const struct call_interface *interface_of(uint32_t architecture) {
  for (size_t i = 0; i < call_interface_count; i++) {
    if (call_interfaces[i].architecture == architecture) return &call_interfaces[i];
  }
  return NULL;
}

// Whoever is killed at any point of this leaves a trace of the call that it has taken.
static bool take(struct server *server) {
  struct shared *shared = server->shared;
  memset(server->request, 0, server->request_size);
  atomic_store(&shared->is_taking, true);
  // ENOENT: it is gone, or another one has taken it. EINTR: so for some time.
  bool is_taken = ioctl(server->listener, SECCOMP_IOCTL_NOTIF_RECV, server->request) == 0;
  if (is_taken) {
    atomic_store(&shared->current, server->request->id);
    atomic_store(&shared->latest, server->request->id);
  }
  atomic_store(&shared->is_taking, false);
  return is_taken;
}

void server_let_go(struct server *server) {
  if (!take(server)) return;
  respond(server, server->request->id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
  atomic_store(&server->shared->current, 0);
}

void server_answer_one(struct server *server) {
  const struct seccomp_notif *request = server->request;
  bool is_first = !server->shared->latest;
  if (!take(server)) return;
  // The first is ours (program.c), not the program's.
  if (!is_first) count(server, SECCOMP_CALLS);
  const struct call_interface *interface = interface_of(request->data.arch);
  struct outcome outcome = OUTCOME_GO_ON;
  // A PID of 0 is no task of our PID namespace.
  if (interface && request->pid > 0) {
    pid_t thread = (pid_t)request->pid;
    struct caller caller = {server, caller_known(server, thread), request->id, thread,
                            interface->is_32_bit};
    struct call call = {.kind = call_kind_of(interface, request->data.nr)};
    for (size_t i = 0; i < 6; i++) call.arguments[i] = request->data.args[i];
    outcome = answer(server, &caller, &call);
  }
  if (outcome.kind == GO_ON) {
    respond(server, request->id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
  } else if (outcome.kind == ENDS) {
    respond(server, request->id, 0, -outcome.error, 0);
  }
  atomic_store(&server->shared->current, 0);
}
