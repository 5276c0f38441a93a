// fork and exec, with nothing in between that is not async-signal-safe.

#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CLinux.h"

struct program {
  const char *path;
  char *const *arguments;
  char *const *environment;
  const sigset_t *mask;
  struct sigaction child_action;
};

static _Noreturn void become(const struct program *program, pid_t parent, int report) {
  // So that kill -9 of the parent reaches the program, as it would if there were
  // none. exec keeps the setting, but for set-uid files; forks do not inherit it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pid_t current = getppid();  // 0: the parent is in an outer PID namespace
  if (current != parent && current != 0) (void)raise(SIGKILL);
  sigaction(SIGCHLD, &program->child_action, NULL);
  sigprocmask(SIG_SETMASK, program->mask, NULL);
  execve(program->path, program->arguments, program->environment);
  int error = errno;
  while (write(report, &error, sizeof error) < 0 && errno == EINTR) continue;
  _exit(127);
}

pid_t clinux_fork(void) { return fork(); }

pid_t clinux_spawn(const char *path, char *const arguments[], char *const environment[],
                   const sigset_t *mask, bool *exec_failed) {
  *exec_failed = false;
  struct program program = {path, arguments, environment, mask, {.sa_handler = SIG_DFL}};
  struct sigaction standard = {.sa_handler = SIG_DFL};
  int report[2];
  if (pipe2(report, O_CLOEXEC) < 0) return -1;
  sigaction(SIGCHLD, &standard, &program.child_action);
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) become(&program, parent, report[1]);
  int error = errno;
  close(report[1]);
  if (child > 0) {
    ssize_t size;
    do size = read(report[0], &error, sizeof error);
    while (size < 0 && errno == EINTR);
    if (size == sizeof error) {
      while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
      *exec_failed = true;
      child = -1;
    }
  }
  close(report[0]);
  if (child < 0) sigaction(SIGCHLD, &program.child_action, NULL);
  errno = error;
  return child;
}
