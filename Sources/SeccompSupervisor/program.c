// The program installs the filter itself, and passes the listener to the processes that serve it.

#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "starting.h"

// --- Descriptors ------------------------------------------------------------------------------

static bool send_descriptor(int socket, int fd) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {0};
  char byte = 0;
  struct iovec data = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  control.header = (struct cmsghdr){CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
  memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
  ssize_t result;
  do result = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (result < 0 && errno == EINTR);
  return result == 1;
}

int program_listener(int socket) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {0};
  char byte;
  int fd = -1;
  struct iovec data = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t result;
  do result = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (result < 0 && errno == EINTR);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (result == 1 && header && header->cmsg_type == SCM_RIGHTS) {
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
  }
  return fd;
}

// --- The program ------------------------------------------------------------------------------

static int install(const struct starting *starting) {
  struct sock_fprog filter = {(unsigned short)starting->length, starting->steps};
  // It confines nobody: no reason to switch speculation off, which slows programs (Linux < 5.16).
  unsigned long always = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  // Once its call is being answered, no signal but a deadly one interrupts the caller (Linux 5.19).
  unsigned long flags[] = {always | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, always};
  int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags[0], &filter);
  if (listener < 0 && errno == EINVAL) {
    listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags[1], &filter);
  }
  return listener;
}

// Ends it by a signal: exit_group(2) may be one of the calls that wait for the supervisor.
static _Noreturn void fail(const struct starting *starting, enum seccomp_stage stage, int error) {
  starting_tell(starting, (struct message){.stage = stage, .error = error});
  for (;;) kill(getpid(), SIGKILL);
}

// The first call that the filter sends: from its number the guard knows those of all others. The
// kernel refuses it, as a mode that there is not.
static void make_first_call(void) { prctl(PR_SET_SECCOMP, SECCOMP_MODE_DISABLED); }

// In the worker's child. Whatever it does goes past the filter as soon as that is there.
_Noreturn void program_become(const struct starting *starting) {
  struct message message = {.program = getpid()};
  // Theirs: that they have ended is seen at ours.
  close(starting->to_worker[0]);
  close(starting->to_guard[0]);
  close(starting->to_front[0]);
  int listener = install(starting);
  if (listener < 0 && errno == EACCES) {
    message.no_new_privileges = true;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    listener = install(starting);
  }
  if (listener < 0) fail(starting, SECCOMP_STAGE_FILTER, errno);
  char byte = 0;
  if (!send_descriptor(starting->to_worker[1], listener) ||
      !send_descriptor(starting->to_guard[1], listener) ||
      !send_descriptor(starting->to_front[1], listener) ||
      read(starting->to_worker[1], &byte, 1) != 1) {
    fail(starting, SECCOMP_STAGE_PROCESSES, 0);
  }
  // The worker has found that it cannot hand descriptors in.
  if (!byte) fail(starting, SECCOMP_STAGE_KERNEL, EINVAL);
  make_first_call();
  starting_tell(starting, message);
  sigaction(SIGCHLD, &starting->child_action, NULL);
  int error = clinux_execute(starting->program);
  fail(starting, SECCOMP_STAGE_EXEC, error);
}
