// The front's part: it starts the other processes, and learns whether that succeeded.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "starting.h"

void starting_tell(const struct starting *starting, struct message message) {
  while (write(starting->report, &message, sizeof message) < 0 && errno == EINTR) continue;
}

_Noreturn void starting_fail(const struct starting *starting, enum seccomp_stage stage, int error) {
  starting_tell(starting, (struct message){.stage = stage, .error = error});
  _exit(1);
}

static struct mptcpize_ring *map_ring(const char *path) {
  if (!path) return NULL;
  int file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return NULL;
  void *memory = mmap(NULL, mptcpize_ring_size(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return memory == MAP_FAILED ? NULL : memory;
}

// What the processes say until the program's image has begun, or its end.
static void hear(int report, struct seccomp_start *start) {
  struct message message;
  for (;;) {
    ssize_t size = read(report, &message, sizeof message);
    if (size < 0 && errno == EINTR) continue;
    if (size != sizeof message) break;
    start->stage = message.stage;
    start->error = message.error;
    if (message.program) {
      start->program = message.program;
      start->no_new_privileges = message.no_new_privileges;
    }
  }
  if (start->stage) start->program = -1;
}

static bool make_pipes(struct starting *starting, int report[2], int states[2]) {
  if (pipe2(report, O_CLOEXEC) < 0) return false;
  if (pipe2(states, O_CLOEXEC) < 0) return false;
  int type = SOCK_STREAM | SOCK_CLOEXEC;
  return socketpair(AF_UNIX, type, 0, starting->to_worker) == 0 &&
         socketpair(AF_UNIX, type, 0, starting->to_guard) == 0 &&
         socketpair(AF_UNIX, type, 0, starting->to_front) == 0;
}

static void close_pair(const int pair[2]) {
  if (pair[0] >= 0) close(pair[0]);
  if (pair[1] >= 0) close(pair[1]);
}

static void start_all(struct starting *starting, struct seccomp_start *start) {
  int report[2] = {-1, -1}, states[2] = {-1, -1};
  if (!make_pipes(starting, report, states)) {
    start->error = errno;
    close_pair(report);
    close_pair(states);
    close_pair(starting->to_worker);
    close_pair(starting->to_guard);
    close_pair(starting->to_front);
    return;
  }
  starting->report = report[1];
  starting->states = states[1];
  struct sigaction standard = {.sa_handler = SIG_DFL};
  sigaction(SIGCHLD, &standard, &starting->child_action);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  pid_t child = fork();
  if (child == 0) {
    close(report[0]);
    close(states[0]);
    watch_as_guard(starting);
  }
  start->error = child < 0 ? errno : 0;
  close(report[1]);
  close(states[1]);
  // Their ends are seen by those who wait for a listener.
  close_pair(starting->to_worker);
  close_pair(starting->to_guard);
  if (child > 0) {
    start->stage = 0;
    hear(report[0], start);
    if (start->program < 0 && !start->stage) start->stage = SECCOMP_STAGE_PROCESSES;
  }
  close(report[0]);
  if (start->program > 0) {
    start->listener = program_listener(starting->to_front[0]);
    start->memory = starting->shared;
    close_pair(starting->to_front);
    // SIGIO when something has come.
    fcntl(states[0], F_SETOWN, getpid());
    fcntl(states[0], F_SETFL, O_NONBLOCK | O_ASYNC);
    start->states = states[0];
    return;
  }
  close(states[0]);
  close_pair(starting->to_front);
  if (child > 0) (void)waitpid(child, NULL, 0);
  sigaction(SIGCHLD, &starting->child_action, NULL);
}

void seccomp_supervisor_start(const struct clinux_program *program,
                              const struct seccomp_supervision *supervision,
                              struct seccomp_start *start) {
  *start = (struct seccomp_start){.program = -1,
                                  .states = -1,
                                  .listener = -1,
                                  .stage = SECCOMP_STAGE_PROCESSES,
                                  .error = ENOMEM};
  struct starting starting = {.program = program,
                              .supervision = supervision,
                              .to_worker = {-1, -1},
                              .to_guard = {-1, -1},
                              .to_front = {-1, -1}};
  starting.shared = mmap(NULL, sizeof *starting.shared, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct sock_filter steps[FILTER_MOST];
  if (starting.shared == MAP_FAILED) return;
  starting.steps = steps;
  starting.length = filter_make(supervision, starting.steps);
  starting.ring = map_ring(supervision->ring);
  start_all(&starting, start);
  if (start->program < 0) munmap(starting.shared, sizeof *starting.shared);
  if (starting.ring) munmap(starting.ring, mptcpize_ring_size());
}

bool seccomp_supervisor_has_proc(void) {
  char link[32] = "", own[32];
  (void)!readlink("/proc/self", link, sizeof link - 1);
  snprintf(own, sizeof own, "%d", getpid());
  return strcmp(link, own) == 0;
}

bool seccomp_supervisor_is_known(void) {
  struct seccomp_notif_sizes sizes;
  return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0;
}
