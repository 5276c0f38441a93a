// Guard and worker: they answer calls, wait for the program, and look after each other.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "starting.h"

struct watcher {
  struct server server;
  int states;  // -1: there is no front any more
  int signals;
  pid_t program;  // 0: it has ended
  pid_t worker;   // of the guard; 0: none, or it is the worker itself
  bool serves;
};

static void keep_only(const int *kept, size_t count) {
  unsigned int first = 0;
  // In order: there are few.
  for (;;) {
    unsigned int next = ~0u;
    for (size_t i = 0; i < count; i++) {
      if (kept[i] >= 0 && (unsigned int)kept[i] >= first && (unsigned int)kept[i] < next) {
        next = (unsigned int)kept[i];
      }
    }
    if (next == ~0u) break;
    if (next > first) clinux_close_range(first, next - 1);
    first = next + 1;
  }
  clinux_close_range(first, ~0u);
}

void watch_settle(const int *kept, size_t count) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  setsid();
  (void)!chdir("/");
  keep_only(kept, count);
  // Nothing of ours becomes a standard stream.
  int null = open("/dev/null", O_RDWR);
  while (null >= 0 && null < 2) null = dup(null);
}

static void settle(struct watcher *watcher) {
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, NULL);
  watcher->signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  const int kept[] = {watcher->server.listener, watcher->states, watcher->signals};
  watch_settle(kept, sizeof kept / sizeof *kept);
  // A socket that takes another one's place is in epoll sets under the program's number.
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static void tell_front(struct watcher *watcher, int status) {
  if (watcher->states < 0) return;
  if (write(watcher->states, &status, sizeof status) == sizeof status) return;
  close(watcher->states);
  watcher->states = -1;
}

static void look_after_worker(struct watcher *watcher, const siginfo_t *change) {
  if (change->si_code == CLD_STOPPED) {
    watcher->serves = true;
    server_abandon(&watcher->server);
  } else if (change->si_code == CLD_CONTINUED) {
    watcher->serves = false;
  } else if (change->si_code == CLD_EXITED && change->si_status == 0) {
    _exit(0);
  } else {
    watcher->worker = 0;
    watcher->program = watcher->server.shared->program;  // is our child now
    watcher->serves = true;
    // Its first call may have been lost, which it makes before it begins.
    if (!server_abandon(&watcher->server) && watcher->program) kill(watcher->program, SIGKILL);
  }
}

// As wait(2) has it.
static int wait_status(const siginfo_t *change) {
  enum { CORE = 0x80, STOP = 0x7f, CONTINUED = 0xffff };
  switch (change->si_code) {
    case CLD_EXITED:
      return (change->si_status & 0xff) << 8;
    case CLD_KILLED:
      return change->si_status;
    case CLD_DUMPED:
      return change->si_status | CORE;
    case CLD_CONTINUED:
      return CONTINUED;
    default:
      return change->si_status << 8 | STOP;
  }
}

static bool is_end(const siginfo_t *change) {
  return change->si_code == CLD_EXITED || change->si_code == CLD_KILLED ||
         change->si_code == CLD_DUMPED;
}

static void look_after_program(struct watcher *watcher, const siginfo_t *change) {
  tell_front(watcher, wait_status(change));
  if (!is_end(change)) return;
  watcher->program = 0;
  watcher->server.shared->program = 0;
}

// A change is only taken from the kernel when it has been told: killed before that, the worker
// leaves it to the guard.
static void look_after_children(struct watcher *watcher) {
  struct signalfd_siginfo unused;
  while (read(watcher->signals, &unused, sizeof unused) > 0) continue;
  for (;;) {
    siginfo_t change = {0};
    int all = WEXITED | WSTOPPED | WCONTINUED;
    if (waitid(P_ALL, 0, &change, all | WNOHANG | WNOWAIT) < 0 || !change.si_pid) return;
    pid_t child = change.si_pid;
    if (child == watcher->program) look_after_program(watcher, &change);
    // It may have changed again since: that is told in the next turn.
    int kind = is_end(&change) ? WEXITED : change.si_code == CLD_CONTINUED ? WCONTINUED : WSTOPPED;
    siginfo_t taken;
    waitid(P_PID, (id_t)child, &taken, kind | WNOHANG);
    if (child == watcher->worker) look_after_worker(watcher, &change);
  }
}

// kill -9 of the front reaches the program, as it would if there were no front.
static void look_after_front(struct watcher *watcher) {
  close(watcher->states);
  watcher->states = -1;
  if (watcher->program) kill(watcher->program, SIGKILL);
}

static _Noreturn void watch(struct watcher *watcher) {
  // One that has ended before SIGCHLD was waited for.
  look_after_children(watcher);
  for (;;) {
    struct pollfd polled[] = {
        {watcher->signals, POLLIN, 0},
        {watcher->states, 0, 0},
        {watcher->serves ? watcher->server.listener : -1, POLLIN, 0},
    };
    if (poll(polled, 3, -1) < 0 && errno != EINTR) _exit(1);
    if (polled[0].revents) look_after_children(watcher);
    if (!watcher->serves && !watcher->worker && !watcher->program) _exit(0);
    if (polled[1].revents & POLLERR) look_after_front(watcher);
    if (polled[2].revents & POLLIN) {
      server_answer_one(&watcher->server);
    } else if (polled[2].revents & (POLLHUP | POLLERR)) {
      // No task has the filter any more (Linux 5.9). The program's end may still have to be told.
      if (!watcher->program) _exit(0);
      watcher->serves = false;
    }
  }
}

static struct watcher new_watcher(const struct starting *starting) {
  return (struct watcher){
      .server = {.supervision = starting->supervision,
                 .shared = starting->shared,
                 .ring = starting->ring,
                 .listener = -1},
      .states = starting->states,
  };
}

static _Noreturn void work(const struct starting *starting) {
  struct watcher watcher = new_watcher(starting);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  pid_t child = fork();
  if (child == 0) program_become(starting);
  if (child < 0) starting_fail(starting, SECCOMP_STAGE_PROCESSES, errno);
  close(starting->to_worker[1]);
  close(starting->to_guard[1]);
  watcher.program = child;
  starting->shared->program = child;
  watcher.serves = true;
  watcher.server.listener = program_listener(starting->to_worker[0]);
  if (watcher.server.listener < 0) _exit(1);  // the program has said why
  char byte = server_prepare(&watcher.server);
  if (send(starting->to_worker[0], &byte, 1, MSG_NOSIGNAL) != 1 || !byte) {
    close(starting->to_worker[0]);
    starting->shared->program = 0;  // it is not the guard's to wait for
    (void)waitpid(child, NULL, 0);
    _exit(1);
  }
  settle(&watcher);
  watch(&watcher);
}

_Noreturn void watch_as_guard(const struct starting *starting) {
  struct watcher watcher = new_watcher(starting);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  pid_t child = fork();
  if (child == 0) work(starting);
  if (child < 0) starting_fail(starting, SECCOMP_STAGE_PROCESSES, errno);
  close(starting->to_worker[0]);
  close(starting->to_worker[1]);
  close(starting->to_guard[1]);
  watcher.worker = child;
  watcher.server.listener = program_listener(starting->to_guard[0]);
  if (watcher.server.listener < 0 || !server_prepare(&watcher.server)) {
    (void)waitpid(child, NULL, 0);
    _exit(1);
  }
  settle(&watcher);
  watch(&watcher);
}
