// fork and exec, with nothing in between that is not async-signal-safe.

#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CLinux.h"

// Writes a number where there is room for CLINUX_DIGITS digits.
static void put_number(char *place, uint64_t number) {
  char digits[CLINUX_DIGITS];
  int count = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  while (count > 0) *place++ = digits[--count];
  *place = 0;
}

// Empty where it cannot be had: then what is compared with it goes by the PID alone.
static void put_pidfd_inode(char *place) {
  struct stat status;
  *place = 0;
  int pidfd = clinux_pidfd_open(getpid());
  if (pidfd < 0) return;
  if (fstat(pidfd, &status) == 0) put_number(place, status.st_ino);
  close(pidfd);
}

uint64_t clinux_pidfd_inode(void) {
  char digits[CLINUX_DIGITS + 1];
  put_pidfd_inode(digits);
  return strtoull(digits, NULL, 10);
}

static _Noreturn void become(const struct clinux_program *program,
                             const struct sigaction *child_action, pid_t parent, int report) {
  // So that kill -9 of the parent reaches the program, as it would if there were
  // none. exec keeps the setting, but for set-uid files; forks do not inherit it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pid_t current = getppid();  // 0: the parent is in an outer PID namespace
  if (current != parent && current != 0) (void)raise(SIGKILL);
  sigaction(SIGCHLD, child_action, NULL);
  int error = clinux_execute(program);
  while (write(report, &error, sizeof error) < 0 && errno == EINTR) continue;
  _exit(127);
}

int clinux_execute(const struct clinux_program *program) {
  for (char *const *place = program->own_pids; *place != NULL; place++)
    put_number(*place, (uint64_t)getpid());
  for (char *const *place = program->own_pidfds; *place != NULL; place++) put_pidfd_inode(*place);
  sigprocmask(SIG_SETMASK, program->mask, NULL);
  execve(program->path, program->arguments, program->environment);
  return errno;
}

pid_t clinux_fork(void) { return fork(); }

pid_t clinux_spawn(const struct clinux_program *program, bool *exec_failed) {
  *exec_failed = false;
  struct sigaction standard = {.sa_handler = SIG_DFL}, former;
  int report[2];
  if (pipe2(report, O_CLOEXEC) < 0) return -1;
  sigaction(SIGCHLD, &standard, &former);
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) become(program, &former, parent, report[1]);
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
  if (child < 0) sigaction(SIGCHLD, &former, NULL);
  errno = error;
  return child;
}
