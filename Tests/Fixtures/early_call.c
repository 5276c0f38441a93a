// A preload library whose constructor, which may run before anybody else's, makes one call:
// the one of which EARLY_CALL has the name.

#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// Which no C library has so far.
enum { SECCOMP_GET_ACTION_AVAIL = 2 };
int seccomp(unsigned int operation, unsigned int flags, void *arguments) __attribute__((weak));
int landlock_create_ruleset(const void *attributes, size_t size, unsigned int flags)
    __attribute__((weak));
int landlock_restrict_self(int ruleset, unsigned int flags) __attribute__((weak));

__attribute__((constructor)) static void early(void) {
  const char *name = getenv("EARLY_CALL");
  char *none[] = {NULL};
  socklen_t length = 0;
#define CALL(function, ...) \
  if (name && strcmp(name, #function) == 0) (void)(function)(__VA_ARGS__)
  CALL(socket, AF_INET, SOCK_STREAM, 0);
  CALL(bind, -1, NULL, 0);
  CALL(connect, -1, NULL, 0);
  CALL(listen, -1, 0);
  CALL(accept, -1, NULL, NULL);
  CALL(accept4, -1, NULL, NULL, 0);
  CALL(setsockopt, -1, SOL_SOCKET, SO_DEBUG, NULL, 0);
  CALL(getsockopt, -1, SOL_SOCKET, SO_DEBUG, NULL, &length);
  CALL(sendto, -1, NULL, 0, 0, NULL, 0);
  CALL(sendmsg, -1, NULL, 0);
  CALL(epoll_ctl, -1, 0, -1, NULL);
  CALL(fcntl, -1, F_GETFD);
  CALL(fcntl64, -1, F_GETFD);
  CALL(ioctl, -1, 0, NULL);
  CALL(sockatmark, -1);
  CALL(prctl, PR_GET_DUMPABLE);
  CALL(seccomp, SECCOMP_GET_ACTION_AVAIL, 0, NULL);
  CALL(landlock_create_ruleset, NULL, 0, 0);
  CALL(landlock_restrict_self, -1, 0);
  CALL(syscall, SYS_getpid);
  CALL(shutdown, -1, SHUT_RD);
  CALL(clone, NULL, NULL, 0, NULL);
  CALL(close, -1);
  CALL(close_range, ~0u, ~0u, 0);
  CALL(closefrom, 1 << 30);
  CALL(fclose, stdin);
  CALL(dup, -1);
  CALL(dup2, STDOUT_FILENO, STDOUT_FILENO);
  CALL(dup3, STDOUT_FILENO, STDOUT_FILENO, O_CLOEXEC);
  CALL(execve, "/nonexistent", none, none);
  CALL(execv, "/nonexistent", none);
  CALL(execvp, "/nonexistent", none);
  CALL(execvpe, "/nonexistent", none, none);
  CALL(execl, "/nonexistent", "", NULL);
  CALL(execlp, "/nonexistent", "", NULL);
  CALL(execle, "/nonexistent", "", NULL, none);
  CALL(fexecve, -1, none, none);
  CALL(posix_spawn, NULL, "/nonexistent", NULL, NULL, none, none);
  CALL(posix_spawnp, NULL, "/nonexistent", NULL, NULL, none, none);
  CALL(execveat, -1, "", none, none, 0);
  CALL(_exit, 0);
  CALL(_Exit, 0);
  CALL(quick_exit, 0);
}
